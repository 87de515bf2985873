#pragma once

#include "metrics/credentials.h"
#include "metrics/http_provider.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace serin::metrics {

// The provider `prometheus`, with Argo's fields: address, query, timeout (seconds), insecure,
// headers, authentication (basicAuth, oauth2, sigv4) and rangeQuery.
//
// Signature Version 4 is for Amazon's Managed Service for Prometheus: with sigv4 {region, profile,
// roleArn}, and without it where the address has "aps-workspaces", as Argo does it.
//
// A query without a result is an empty list and not missing data: conditions say what it means,
// as with Argo.
class PrometheusSource : public HttpProvider {
public:
    static constexpr std::string_view provider = "prometheus";

    // `address` is for metrics that name none, as ARGO_ROLLOUTS_PROMETHEUS_ADDRESS gives it; empty
    // for none. Keys of AWS are those of `credentials`; without these sigv4 is refused. The client
    // outlives the source.
    explicit PrometheusSource(
        HttpClient& client,
        std::string address = {},
        std::optional<Credentials> credentials = std::nullopt)
        : HttpProvider(client),
          address_(std::move(address)),
          credentials_(std::move(credentials)) {}

    Result<> check(const json::Object& config) const override;

private:
    Result<Question> ask(const MetricQuery& query) const override;

    std::string address_;
    std::optional<Credentials> credentials_;
};

}  // namespace serin::metrics
