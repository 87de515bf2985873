#pragma once

#include "metrics/counter_poll.h"
#include "metrics/release_requests.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace serin::metrics {

// A provider that examines every request of a release: one measurement, which lasts until there is
// a verdict. What is bad fails at once. What is good ends a step's run as Successful, a run beside
// the steps goes on to the end of the release; a time-out makes a step's run Inconclusive.
//
// REQUIRES: used on the event loop.
class GuardSource : public MetricSource {
public:
    // Both outlive the source, and the source its measurements.
    GuardSource(EventLoop& loop, ReleaseRequests& requests) : loop_(loop), requests_(requests) {}

    Result<> check(const json::Object& config) const override;
    [[nodiscard]] std::unique_ptr<Measurement> measure(MetricQuery query, Done done) override;

protected:
    struct Guard {
        std::string name;  // Equal for configurations that examine alike.
        std::function<std::unique_ptr<Examiner>()> make;
        std::optional<Duration> timeout;  // Of a step.
        bool needs_stable = false;
        // What has to be asked for, where the requests that are seen are not enough.
        std::vector<CounterPoll::Metric> counters;
        Duration counters_interval{0};
    };
    // `invalid` names the field.
    virtual Result<Guard> read(const json::Object& config) const = 0;

private:
    EventLoop& loop_;
    ReleaseRequests& requests_;
};

}  // namespace serin::metrics
