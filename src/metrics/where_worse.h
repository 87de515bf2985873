#pragma once

#include "judge/slices/slices.h"
#include "metrics/examiner.h"

#include <array>
#include <memory>
#include <optional>
#include <span>

namespace serin::metrics {

// Beside an examiner of requests: in which slices of the traffic the canary is worse
// (judge/slices/slices.h), as the finding is to tell it.
class WhereWorse {
public:
    WhereWorse(const judge::sequential::Spec& spec, std::shared_ptr<statistics::FactorCache> cache);

    std::span<const judge::slices::Question> questions() const { return slices_.questions(); }

    // `events`: as in judge::slices::Request. A request whose client left first tells nothing.
    void take(
        Side side,
        const RequestOutcome& outcome,
        const std::array<std::optional<bool>, judge::slices::questions_max>& events);
    void pass_time(Instant now);
    void begin_stage() { slices_.begin_step(); }

    // Adds what there is to say to the summary, and the facts `where` (a sentence) and `slices`
    // (JSON).
    void explain(Finding& finding) const;

    // As Examiner::details() and recall_details().
    json::Object memory() const;
    Result<> recall(const json::Object& memory, bool is_same_stage);

private:
    std::shared_ptr<statistics::FactorCache> cache_;
    judge::slices::Slices slices_;
};

}  // namespace serin::metrics
