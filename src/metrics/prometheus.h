#pragma once

#include "ports/http_client.h"
#include "ports/metric_source.h"

#include <string>
#include <string_view>

namespace serin::metrics {

// The provider `prometheus`, with Argo's fields: address, query, timeout (seconds), insecure,
// headers, authentication (basicAuth, oauth2) and rangeQuery. SigV4 is refused.
//
// A query without a result is an empty list and not missing data: conditions say what it means,
// as with Argo.
class PrometheusSource : public MetricSource {
public:
    static constexpr std::string_view provider = "prometheus";

    // `address` is for metrics that name none, as ARGO_ROLLOUTS_PROMETHEUS_ADDRESS gives it; empty
    // for none. The client outlives the source.
    explicit PrometheusSource(HttpClient& client, std::string address = {});

    Result<> check(const json::Object& config) const override;
    [[nodiscard]] std::unique_ptr<Measurement> measure(MetricQuery query, Done done) override;

private:
    HttpClient& client_;
    std::string address_;
};

}  // namespace serin::metrics
