#include "metrics/web.h"

#include "expr/json_path.h"
#include "metrics/authentication.h"
#include "metrics/http_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace serin::metrics {

namespace {

struct Config {
    HttpRequest request;
    expr::JsonPath path;
    Authentication authentication;
};

std::unexpected<Error> refuse(std::string_view field, std::string_view why) {
    return fail(ErrorKind::invalid, fmt::format("{}: {}", field, why));
}

std::string text_of(const json::Object& config, std::string_view field) {
    return std::string(json::text(config.if_contains(field)).value_or(""));
}

Result<> read_body(const json::Object& config, HttpRequest& request) {
    const std::string body = text_of(config, "body");
    const json::Value* json_body = config.if_contains("jsonBody");
    if (body.empty() && json_body == nullptr) return {};
    if (!body.empty() && json_body != nullptr)
        return refuse("jsonBody", "use either body or jsonBody");
    if (request.method == "GET") return refuse("method", "a body needs POST or PUT");
    request.body = json_body == nullptr ? body : json::print(*json_body);
    if (json_body != nullptr) request.headers.emplace_back("Content-Type", "application/json");
    return {};
}

Result<Config> read_config(const json::Object& config) {
    for (const auto& member : config) {
        constexpr std::array<std::string_view, 9> known = {
            "method",
            "url",
            "headers",
            "body",
            "jsonBody",
            "timeoutSeconds",
            "jsonPath",
            "insecure",
            "authentication"};
        const std::string_view name = member.key();
        if (std::ranges::find(known, name) == known.end()) return refuse(name, "unknown field");
    }
    HttpRequest request{.url = text_of(config, "url")};
    SERIN_TRY_DO(check_url("url", request.url));
    SERIN_TRY_DO(refuse_authentication(config, "sigv4"));
    SERIN_TRY(Authentication authentication, read_authentication(config));
    if (const std::string method = text_of(config, "method"); !method.empty())
        request.method = method;
    if (request.method != "GET" && request.method != "POST" && request.method != "PUT")
        return refuse("method", "expected GET, POST or PUT");
    SERIN_TRY(request.headers, read_headers(config));
    SERIN_TRY(request.timeout, read_timeout(config, "timeoutSeconds", std::chrono::seconds(10)));
    request.verify_peer = !json::boolean(config.if_contains("insecure")).value_or(false);
    SERIN_TRY_DO(read_body(config, request));

    std::string path = text_of(config, "jsonPath");
    if (path.empty()) path = "{$}";
    auto parsed = expr::JsonPath::parse(path);
    if (!parsed) return refuse("jsonPath", parsed.error().message);
    return Config{
        .request = std::move(request),
        .path = *std::move(parsed),
        .authentication = std::move(authentication)};
}

Result<MetricSample> read_answer(const expr::JsonPath& path, const HttpResponse& response) {
    if (response.status / 100 != 2) return std::unexpected(status_error(response));
    const auto body = json::parse(response.body);
    if (!body) return MetricSample{.result = json::string(response.body), .value = response.body};
    auto found = path.first(*body);
    if (!found) return std::unexpected(std::move(found).error().within("could not find jsonPath"));
    return MetricSample{.result = **found, .value = json::print(**found)};
}

}  // namespace

Result<> WebSource::check(const json::Object& config) const {
    SERIN_TRY_DO(read_config(config));
    return {};
}

Result<Question> WebSource::ask(const MetricQuery& query) const {
    SERIN_TRY(Config config, read_config(query.config));
    return authorized(
        config.authentication,
        [request = std::move(config.request),
         path = std::move(config.path)](const std::string& header) {
            Question question{
                .request = request,
                .read =
                    [path](const HttpResponse& response) { return read_answer(path, response); },
                .secrets = confidential_values(request.headers)};
            if (!header.empty()) question.request.headers.emplace_back("Authorization", header);
            return question;
        });
}

}  // namespace serin::metrics
