#include "metrics/dynatrace.h"

#include "metrics/authentication.h"
#include "metrics/http_fields.h"
#include "metrics/series_result.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace serin::metrics {

namespace {

std::unexpected<Error> refuse(std::string message) {
    return fail(ErrorKind::invalid, std::move(message));
}

// The last value of an entry; empty when it has none.
Result<std::optional<double>> last_value(const json::Value& entry) {
    const json::Array* values = json::array(json::find(entry, "/values"));
    if (values == nullptr) return refuse("Dynatrace: an entry without values");
    for (auto value = values->rbegin(); value != values->rend(); ++value) {
        if (value->is_null()) continue;
        const auto number = json::number(&*value);
        if (!number) return refuse("Dynatrace: a value is not a number");
        return *number;
    }
    return std::nullopt;
}

std::string name_of(const json::Value& entry) {
    std::string name;
    const json::Array* dimensions = json::array(json::find(entry, "/dimensions"));
    if (dimensions == nullptr) return name;
    for (const json::Value& dimension : *dimensions) {
        if (!name.empty()) name += ",";
        name += json::text(&dimension).value_or("");
    }
    return name;
}

}  // namespace

Result<> DynatraceSource::check(const json::Object& config) const {
    SERIN_TRY_DO(check_fields(config, {"query", "interval", "secretRef"}));
    if (text_field(config, "query").empty()) return refuse("query: missing");
    SERIN_TRY_DO(read_window(config, "interval", {}));
    return check_secret_ref(config);
}

Result<Question> DynatraceSource::ask(const MetricQuery& query) const {
    SERIN_TRY_DO(check(query.config));
    SERIN_TRY(
        const SecretValues secret, credentials_.secret_of(query.config, query.ns, "dynatrace"));
    SERIN_TRY(HttpRequest request, dynatrace_request(query.config, secret, query.now));
    return Question{
        .request = std::move(request),
        .read = read_dynatrace_answer,
        .secrets = {value_at(secret, "dynatrace_token")}};
}

Result<HttpRequest> dynatrace_request(
    const json::Object& config, const SecretValues& secret, Instant now) {
    const std::string token = value_at(secret, "dynatrace_token");
    const std::string address = without_slash(value_at(secret, "address"));
    if (token.empty() || address.empty())
        return refuse("the secret of Dynatrace needs the keys dynatrace_token and address");
    SERIN_TRY_DO(check_url("address", address));
    SERIN_TRY(const Duration window, read_window(config, "interval", std::chrono::minutes(5)));
    HttpRequest request{
        .url = fmt::format(
            "{}/api/v2/metrics/query?from={}&metricSelector={}&resolution=Inf&to={}",
            address,
            unix_milliseconds(now - window),
            escape_form(text_field(config, "query")),
            unix_milliseconds(now))};
    request.timeout = std::chrono::seconds(10);
    request.headers = {{"Authorization", "Api-Token " + token}, {"Accept", "application/json"}};
    return request;
}

Result<MetricSample> read_dynatrace_answer(const HttpResponse& response) {
    if (response.status != 200) return std::unexpected(status_error(response));
    const auto body = json::parse(response.body);
    if (!body) return refuse(fmt::format("Dynatrace: {}", body.error().message));
    const json::Array* results = json::array(json::find(*body, "/result"));
    if (results == nullptr) return refuse("Dynatrace: the answer has no result");
    std::vector<NamedNumber> series;
    std::string warnings;
    if (!results->empty()) {
        const json::Array* entries = json::array(json::find(results->front(), "/data"));
        if (entries == nullptr) return refuse("Dynatrace: a result without data");
        for (const json::Value& entry : *entries) {
            SERIN_TRY(const std::optional<double> value, last_value(entry));
            if (value) series.push_back({.name = name_of(entry), .value = *value});
        }
        if (const auto* told = json::array(json::find(results->front(), "/warnings"))) {
            for (const json::Value& warning : *told) {
                if (!warnings.empty()) warnings += "; ";
                warnings += json::text(&warning).value_or("");
            }
        }
    }
    MetricSample sample = series_result(std::move(series));
    if (!warnings.empty()) sample.metadata["warnings"] = excerpt(warnings);
    return sample;
}

}  // namespace serin::metrics
