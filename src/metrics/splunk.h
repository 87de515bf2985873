#pragma once

#include "metrics/credentials.h"
#include "metrics/http_provider.h"

#include <string>
#include <string_view>

namespace serin::metrics {

// The provider `serin/splunk`: Splunk Observability Cloud is given a SignalFlow program as query,
// over interval; secretRef. Of each time series that the program publishes the last value counts;
// see series_result.
//
// Keys of the Secret (`splunk`): sf_token_key, as Flagger's users have it, and address
// ("https://api.eu0.signalfx.com"); the stream's host is derived from it.
class SplunkSource : public HttpProvider {
public:
    static constexpr std::string_view provider = "serin/splunk";

    // Both outlive the source.
    SplunkSource(HttpClient& client, const Credentials& credentials)
        : HttpProvider(client), credentials_(credentials) {}

    Result<> check(const json::Object& config) const override;

private:
    Result<Question> ask(const MetricQuery& query) const override;

    const Credentials& credentials_;
};

// `invalid` for a Secret that lacks a key.
Result<HttpRequest> splunk_request(
    const json::Object& config, const SecretValues& secret, Instant now);

// Reads the events that the computation has sent until its end.
Result<MetricSample> read_splunk_answer(const HttpResponse& response);

}  // namespace serin::metrics
