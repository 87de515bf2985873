#pragma once

#include "ports/event_loop.h"
#include "ports/http_client.h"
#include "ports/metric_source.h"

#include <optional>
#include <string>
#include <string_view>

namespace serin::metrics {

// The provider `kayenta`, with Argo's fields: a Kayenta server is asked to judge. A measurement
// looks up the canary config by its name, starts an execution and looks every 15 s until it is
// complete; the score is the verdict, and no condition is asked. The execution's id is in the
// measurement's metadata, so a restart goes on with the same one.
//
// REQUIRES: used on the event loop.
class KayentaServerSource : public MetricSource {
public:
    static constexpr std::string_view provider = "kayenta";

    // Both outlive the source.
    KayentaServerSource(EventLoop& loop, HttpClient& client) : loop_(loop), client_(client) {}

    Result<> check(const json::Object& config) const override;
    [[nodiscard]] std::unique_ptr<Measurement> measure(MetricQuery query, Done done) override;

private:
    EventLoop& loop_;
    HttpClient& client_;
};

// The three questions. REQUIRES: the config was checked.
HttpRequest kayenta_config_request(const json::Object& config);
// Scopes without start and end are about the metric's last interval, or with `lookback` about all
// since the run began; `invalid` when there is neither.
Result<HttpRequest> kayenta_start_request(
    const json::Object& config, const std::string& config_id, const MetricQuery& query);
HttpRequest kayenta_score_request(const json::Object& config, const std::string& execution_id);

// And how their answers are read. The id of the config of this name; of the execution; the verdict,
// empty while the execution goes on.
Result<std::string> read_kayenta_config(const HttpResponse& response, std::string_view name);
Result<std::string> read_kayenta_execution(const HttpResponse& response);
Result<std::optional<MetricSample>> read_kayenta_score(
    const HttpResponse& response, const json::Object& config);

}  // namespace serin::metrics
