#pragma once

#include "metrics/guard_source.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace serin::statistics {
class FactorCache;
}
namespace serin::judge::sequential {
struct CountedArm;
struct CounterQuery;
}  // namespace serin::judge::sequential

namespace serin::metrics {

// The provider `serin/sequential`: the sequential judge on every request of a release, as it
// happens, or on the growth of counters that another provider knows; see docs/reference/judges.md.
// One memory a release and specification: all steps and all metrics share its alpha.
class SequentialSource : public GuardSource {
public:
    static constexpr std::string_view provider = "serin/sequential";

    // Those that can be asked for counters, by name; "plugin" asks any plugin. They outlive this.
    using Providers = std::map<std::string, MetricSource*, std::less<>>;

    SequentialSource(EventLoop& loop, ReleaseRequests& requests, Providers providers = {});
    ~SequentialSource() override;

    // Whether it looks at requests at all, not at counters alone.
    static bool sees_requests(const json::Object& config);

protected:
    Result<Guard> read(const json::Object& config) const override;

private:
    Result<CounterPoll::Question> question(const judge::sequential::CounterQuery& query) const;
    Result<CounterPoll::Arm> arm(const judge::sequential::CountedArm& counted) const;

    Providers providers_;
    // Examiners are called one at a time, so they share it.
    std::shared_ptr<statistics::FactorCache> cache_;
};

}  // namespace serin::metrics
