#pragma once

#include "metrics/credentials.h"
#include "metrics/http_provider.h"

#include <string>
#include <string_view>

namespace serin::metrics {

// The provider `newRelic`, with Argo's fields: profile (a Secret, `newrelic`), query (NRQL),
// timeout in seconds. One row is an object, several are a list of them, none is an error.
//
// Keys of the Secret: personal-api-key, account-id, region (us, eu, staging), base-url-nerdgraph;
// base-url-rest is of no use here.
class NewRelicSource : public HttpProvider {
public:
    static constexpr std::string_view provider = "newRelic";

    // Both outlive the source.
    NewRelicSource(HttpClient& client, const Credentials& credentials)
        : HttpProvider(client), credentials_(credentials) {}

    Result<> check(const json::Object& config) const override;

private:
    Result<Question> ask(const MetricQuery& query) const override;

    const Credentials& credentials_;
};

// `invalid` for a Secret that does not say who asks, or where.
Result<HttpRequest> new_relic_request(const json::Object& config, const SecretValues& secret);

Result<MetricSample> read_new_relic_answer(const HttpResponse& response);

}  // namespace serin::metrics
