#pragma once

#include "metrics/guard_source.h"

#include <string_view>

namespace serin::metrics {

// The provider `serin/budget`: how much of its users a release may put at risk at most, in requests
// to the candidate, failed ones and time, over the release and in any window; see
// docs/reference/judges.md. The request that spends the last of it fails the run.
class BudgetSource : public GuardSource {
public:
    static constexpr std::string_view provider = "serin/budget";

    using GuardSource::GuardSource;

protected:
    Result<Guard> read(const json::Object& config) const override;
};

}  // namespace serin::metrics
