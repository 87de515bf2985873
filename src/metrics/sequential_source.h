#pragma once

#include "metrics/guard_source.h"

#include <memory>
#include <string_view>

namespace serin::statistics {
class FactorCache;
}

namespace serin::metrics {

// The provider `serin/sequential`: the sequential judge on every request of a release, as it
// happens; see docs/reference/judges.md. One memory a release and specification: all steps and all
// metrics share its alpha.
class SequentialSource : public GuardSource {
public:
    static constexpr std::string_view provider = "serin/sequential";

    SequentialSource(EventLoop& loop, ReleaseRequests& requests);
    ~SequentialSource() override;

protected:
    Result<Guard> read(const json::Object& config) const override;

private:
    // Examiners are called one at a time, so they share it.
    std::shared_ptr<statistics::FactorCache> cache_;
};

}  // namespace serin::metrics
