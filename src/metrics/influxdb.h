#pragma once

#include "metrics/credentials.h"
#include "metrics/http_provider.h"

#include <string_view>

namespace serin::metrics {

// The provider `influxdb`, with Argo's fields: profile (a Secret, `influxdb`) and query (Flux). The
// result is the list of all records' `_value`s, in the types that InfluxDB says they have; none is
// an error. Keys of the Secret: address, authToken, org.
class InfluxdbSource : public HttpProvider {
public:
    static constexpr std::string_view provider = "influxdb";

    // Both outlive the source.
    InfluxdbSource(HttpClient& client, const Credentials& credentials)
        : HttpProvider(client), credentials_(credentials) {}

    Result<> check(const json::Object& config) const override;

private:
    Result<Question> ask(const MetricQuery& query) const override;

    const Credentials& credentials_;
};

// `invalid` for a Secret that lacks a key.
Result<HttpRequest> influxdb_request(const json::Object& config, const SecretValues& secret);

// Reads annotated CSV: tables one after the other, each with its types and defaults.
Result<MetricSample> read_influxdb_answer(const HttpResponse& response);

}  // namespace serin::metrics
