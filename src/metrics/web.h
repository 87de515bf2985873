#pragma once

#include "ports/http_client.h"
#include "ports/metric_source.h"

#include <string_view>

namespace serin::metrics {

// The provider `web`, with Argo's fields: method, url, headers, body or jsonBody, timeoutSeconds,
// jsonPath, insecure and authentication (oauth2, and basicAuth as for Prometheus). The result is
// what the JSON path leads to first, or the whole text where the answer is no JSON.
class WebSource : public MetricSource {
public:
    static constexpr std::string_view provider = "web";

    // The client outlives the source.
    explicit WebSource(HttpClient& client) : client_(client) {}

    Result<> check(const json::Object& config) const override;
    [[nodiscard]] std::unique_ptr<Measurement> measure(MetricQuery query, Done done) override;

private:
    HttpClient& client_;
};

}  // namespace serin::metrics
