#pragma once

#include "metrics/http_provider.h"

#include <string_view>

namespace serin::metrics {

// The provider `web`, with Argo's fields: method, url, headers, body or jsonBody, timeoutSeconds,
// jsonPath, insecure and authentication (oauth2, and basicAuth as for Prometheus). The result is
// what the JSON path leads to first, or the whole text where the answer is no JSON.
class WebSource : public HttpProvider {
public:
    static constexpr std::string_view provider = "web";

    using HttpProvider::HttpProvider;

    Result<> check(const json::Object& config) const override;

private:
    Result<Question> ask(const MetricQuery& query) const override;
};

}  // namespace serin::metrics
