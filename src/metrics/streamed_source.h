#pragma once

#include "ports/event_loop.h"
#include "ports/metric_source.h"

#include <functional>
#include <string>

namespace serin::metrics {

// A provider whose numbers come by a stream of requests that may break. While it is broken nothing
// is measured: what was not seen cannot be judged, and what has not failed in the requests that
// came is no good news. A measurement then is an error, which never advances a release; one that
// has found a failure before fails.
//
// REQUIRES: used on the event loop.
class StreamedSource : public MetricSource {
public:
    struct Stream {
        std::function<std::string()> trouble;  // Why it is broken; empty: it is not.
        // Whether this configuration needs the stream at all; unset: each does.
        std::function<bool(const json::Object&)> is_needed;
    };
    // Loop and source outlive this, and this its measurements.
    StreamedSource(EventLoop& loop, MetricSource& source, Stream stream)
        : loop_(loop), source_(source), stream_(std::move(stream)) {}

    Result<> check(const json::Object& config) const override { return source_.check(config); }
    [[nodiscard]] std::unique_ptr<Measurement> measure(MetricQuery query, Done done) override;
    void forget(std::string_view ns, const std::map<std::string, std::string>& metadata) override {
        source_.forget(ns, metadata);
    }
    [[nodiscard]] std::unique_ptr<Measurement> watch(
        const MetricQuery& query, std::function<void()> on_news) override {
        return source_.watch(query, std::move(on_news));
    }

private:
    class Watched;

    EventLoop& loop_;
    MetricSource& source_;
    Stream stream_;
};

}  // namespace serin::metrics
