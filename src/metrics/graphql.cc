#include "metrics/graphql.h"

#include "metrics/http_provider.h"

#include <fmt/format.h>

#include <utility>

namespace serin::metrics {

HttpRequest graphql_request(
    const std::string& url, std::string_view document, json::Object variables) {
    HttpRequest request{.method = "POST", .url = url};
    request.headers = {
        {"Content-Type", "application/json; charset=utf-8"}, {"Accept", "application/json"}};
    request.body = json::print(
        json::Object{{"query", json::string(document)}, {"variables", std::move(variables)}});
    return request;
}

Result<json::Value> read_graphql_answer(const HttpResponse& response) {
    if (response.status / 100 != 2) return std::unexpected(status_error(response));
    const auto body = json::parse(response.body);
    const json::Array* errors = body ? json::array(json::find(*body, "/errors")) : nullptr;
    if (errors != nullptr && !errors->empty()) {
        std::string text;
        for (const json::Value& error : *errors) {
            if (!text.empty()) text += "; ";
            text += json::text(json::find(error, "/message")).value_or("no message");
        }
        return fail(ErrorKind::invalid, fmt::format("graphql: {}", excerpt(text)));
    }
    if (!body) {
        return fail(
            ErrorKind::invalid, fmt::format("could not parse JSON body: {}", body.error().message));
    }
    const json::Value* data = json::find(*body, "/data");
    if (data == nullptr) return fail(ErrorKind::invalid, "the answer has no data");
    return *data;
}

}  // namespace serin::metrics
