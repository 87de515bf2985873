#pragma once

#include "metrics/request_windows.h"
#include "ports/event_loop.h"
#include "ports/metric_source.h"

namespace serin::metrics {

// The provider `serin/requests`: rates, latencies and counts of the requests that the data plane
// reports, by revision; see docs/reference/requests-provider.md. A measurement without enough
// requests waits for them and ends, as soon as they are there or its time is over.
//
// News are `minRequests` more requests to the revision asked for. REQUIRES: used on the event loop.
class RequestsSource : public MetricSource {
public:
    static constexpr std::string_view provider = "serin/requests";

    // Both outlive the source, and the source its measurements.
    RequestsSource(EventLoop& loop, RequestWindows& windows) : loop_(loop), windows_(windows) {}

    Result<> check(const json::Object& config) const override;
    [[nodiscard]] std::unique_ptr<Measurement> measure(MetricQuery query, Done done) override;
    [[nodiscard]] std::unique_ptr<Measurement> watch(
        const MetricQuery& query, std::function<void()> on_news) override;

private:
    EventLoop& loop_;
    RequestWindows& windows_;
};

}  // namespace serin::metrics
