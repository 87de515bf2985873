#pragma once

#include "judge/slices/slices.h"
#include "metrics/examiner.h"

#include <memory>
#include <optional>

namespace serin::metrics {

// Beside an examiner of requests: in which slices of the traffic the canary is worse
// (judge/slices/slices.h), as the finding is to tell it. Knows what this process has seen.
class WhereWorse {
public:
    WhereWorse(const judge::sequential::Spec& spec, std::shared_ptr<statistics::FactorCache> cache);

    // Of requests whose client left first, nothing is told.
    struct Told {
        double slow_ms = 0;             // What is slow on this arm; 0: not known.
        std::optional<bool> converted;  // Empty: the answer does not tell.
    };
    void take(Side side, const RequestOutcome& outcome, const Told& told);
    void pass_time(Instant now);
    void begin_stage() { slices_.begin_step(); }

    // Adds what there is to say to the summary, and the facts `where` (a sentence) and `slices`
    // (JSON).
    void explain(Finding& finding) const;

private:
    std::shared_ptr<statistics::FactorCache> cache_;
    judge::slices::Slices slices_;
};

}  // namespace serin::metrics
