#pragma once

#include "metrics/credentials.h"
#include "metrics/http_provider.h"

#include <string_view>

namespace serin::metrics {

// The provider `datadog`, with Argo's fields: apiVersion (v1, v2), interval, query or queries with
// formula, aggregator, requestTimeout, secretRef. Without points the result is nil, which
// `default(result, 0)` is for.
//
// Keys api-key, app-key and address are read from the Secret that secretRef names, else from
// DD_API_KEY, DD_APP_KEY and DD_ADDRESS if all three are set, else from the Secret `datadog`.
class DatadogSource : public HttpProvider {
public:
    static constexpr std::string_view provider = "datadog";

    // Both outlive the source.
    DatadogSource(HttpClient& client, const Credentials& credentials)
        : HttpProvider(client), credentials_(credentials) {}

    Result<> check(const json::Object& config) const override;

private:
    Result<Question> ask(const MetricQuery& query) const override;

    const Credentials& credentials_;
};

struct DatadogAccount {
    std::string address;
    std::string api_key;
    std::string app_key;
};

// What is sent. REQUIRES: the config was checked.
Result<HttpRequest> datadog_request(
    const json::Object& config, const DatadogAccount& account, Instant now);

// v1: the last point of the first series. v2: the first column of numbers, a number; grouped by a
// tag, the list of all groups' numbers, with the groups' names in the metadata.
Result<MetricSample> read_datadog_answer(std::string_view version, const HttpResponse& response);

}  // namespace serin::metrics
