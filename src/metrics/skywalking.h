#pragma once

#include "metrics/http_provider.h"

#include <string_view>

namespace serin::metrics {

// The provider `skywalking`, with Argo's fields: address, query (GraphQL, with a variable
// `duration`) and interval. The result is the answer's `data`.
class SkywalkingSource : public HttpProvider {
public:
    static constexpr std::string_view provider = "skywalking";

    using HttpProvider::HttpProvider;

    Result<> check(const json::Object& config) const override;

private:
    Result<Question> ask(const MetricQuery& query) const override;
};

// REQUIRES: the config was checked. Times are told in UTC, by the minute.
Result<HttpRequest> skywalking_request(const json::Object& config, Instant now);

Result<MetricSample> read_skywalking_answer(const HttpResponse& response);

}  // namespace serin::metrics
