#pragma once

#include "metrics/credentials.h"
#include "metrics/http_provider.h"

#include <string_view>

namespace serin::metrics {

// The provider `serin/dynatrace`: query (a metric selector), interval and secretRef. Each data
// entry of the first metric is a series; see series_result.
//
// Keys of the Secret (`dynatrace`): dynatrace_token, as Flagger's users have it, and address. The
// address stands there, because a token must not go wherever a metric says.
class DynatraceSource : public HttpProvider {
public:
    static constexpr std::string_view provider = "serin/dynatrace";

    // Both outlive the source.
    DynatraceSource(HttpClient& client, const Credentials& credentials)
        : HttpProvider(client), credentials_(credentials) {}

    Result<> check(const json::Object& config) const override;

private:
    Result<Question> ask(const MetricQuery& query) const override;

    const Credentials& credentials_;
};

// `invalid` for a Secret that lacks a key.
Result<HttpRequest> dynatrace_request(
    const json::Object& config, const SecretValues& secret, Instant now);

Result<MetricSample> read_dynatrace_answer(const HttpResponse& response);

}  // namespace serin::metrics
