#pragma once

#include "metrics/guard_source.h"

#include <memory>
#include <string_view>

namespace serin::statistics {
class FactorCache;
}

namespace serin::metrics {

// The provider `serin/budget`: how much of its users a release may put at risk at most, in requests
// to the candidate, failed ones and time, over the release and in any window; see
// docs/reference/judges.md. The request that spends the last of it fails the run.
class BudgetSource : public GuardSource {
public:
    static constexpr std::string_view provider = "serin/budget";

    BudgetSource(EventLoop& loop, ReleaseRequests& requests);
    ~BudgetSource() override;

protected:
    Result<Guard> read(const json::Object& config) const override;

private:
    // Examiners are called one at a time, so they share it.
    std::shared_ptr<statistics::FactorCache> cache_;
};

}  // namespace serin::metrics
