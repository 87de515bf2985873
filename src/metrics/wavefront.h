#pragma once

#include "metrics/credentials.h"
#include "metrics/http_provider.h"

#include <string>
#include <string_view>

namespace serin::metrics {

// The provider `wavefront`, with Argo's fields: address and query. Of each series the point nearest
// to now counts: one series is a number, several are a list, none is an error.
//
// The Secret `wavefront-api-tokens` has the tokens by address. Keys of Secrets are host names, so
// an address that is a URL is also looked for by its host.
class WavefrontSource : public HttpProvider {
public:
    static constexpr std::string_view provider = "wavefront";

    // Both outlive the source.
    WavefrontSource(HttpClient& client, const Credentials& credentials)
        : HttpProvider(client), credentials_(credentials) {}

    Result<> check(const json::Object& config) const override;

private:
    Result<Question> ask(const MetricQuery& query) const override;

    const Credentials& credentials_;
};

HttpRequest wavefront_request(const json::Object& config, const std::string& token, Instant now);

// The metadata has the points' times, and how many seconds after `now` they are.
Result<MetricSample> read_wavefront_answer(const HttpResponse& response, Instant now);

}  // namespace serin::metrics
