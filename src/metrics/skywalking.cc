#include "metrics/skywalking.h"

#include "metrics/graphql.h"
#include "metrics/http_fields.h"

#include <string>
#include <utility>

namespace serin::metrics {

namespace {

// "2026-01-31 2359"
std::string minute_text(Instant at) {
    const std::string text = format_time(at);
    return text.substr(0, 10) + " " + text.substr(11, 2) + text.substr(14, 2);
}

}  // namespace

Result<> SkywalkingSource::check(const json::Object& config) const {
    SERIN_TRY_DO(check_fields(config, {"address", "query", "interval"}));
    SERIN_TRY_DO(check_url("address", text_field(config, "address")));
    if (text_field(config, "query").empty()) return fail(ErrorKind::invalid, "query: missing");
    SERIN_TRY_DO(read_window(config, "interval", {}));
    return {};
}

Result<Question> SkywalkingSource::ask(const MetricQuery& query) const {
    SERIN_TRY_DO(check(query.config));
    SERIN_TRY(HttpRequest request, skywalking_request(query.config, query.now));
    return Question{.request = std::move(request), .read = read_skywalking_answer};
}

Result<HttpRequest> skywalking_request(const json::Object& config, Instant now) {
    SERIN_TRY(const Duration window, read_window(config, "interval", std::chrono::minutes(5)));
    json::Object duration{
        {"start", json::string(minute_text(now - window))},
        {"end", json::string(minute_text(now))},
        {"step", "MINUTE"}};
    HttpRequest request = graphql_request(
        without_slash(text_field(config, "address")) + "/graphql",
        text_field(config, "query"),
        {{"duration", std::move(duration)}});
    request.timeout = std::chrono::seconds(30);
    return request;
}

Result<MetricSample> read_skywalking_answer(const HttpResponse& response) {
    SERIN_TRY(json::Value data, read_graphql_answer(response));
    if (data.is_null())
        return fail(ErrorKind::not_found, "no results returned from SkyWalking query");
    if (!data.is_object()) return fail(ErrorKind::invalid, "the answer's data is not an object");
    std::string value = json::print_canonical(data);
    return MetricSample{.result = std::move(data), .value = std::move(value)};
}

}  // namespace serin::metrics
