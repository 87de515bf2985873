#pragma once

#include "judge/kayenta/analysis.h"
#include "ports/event_loop.h"
#include "ports/metric_source.h"

#include <map>
#include <string>
#include <string_view>

namespace serin::metrics {

// The provider `serin/kayenta`: Kayenta's judge while a release goes on, on series of Prometheus
// and of the requests that Serin sees; see docs/reference/judges.md. One measurement, which lasts
// until the analysis is over.
//
// REQUIRES: used on the event loop.
class KayentaSource : public MetricSource {
public:
    static constexpr std::string_view provider = "serin/kayenta";

    // By name, "prometheus" and "serin/requests"; they outlive this.
    using Providers = std::map<std::string, MetricSource*>;

    KayentaSource(EventLoop& loop, Providers providers);

    Result<> check(const json::Object& config) const override;
    [[nodiscard]] std::unique_ptr<Measurement> measure(MetricQuery query, Done done) override;

private:
    Result<judge::kayenta::AnalysisSpec> read(const json::Object& config) const;

    EventLoop& loop_;
    Providers providers_;
};

}  // namespace serin::metrics
