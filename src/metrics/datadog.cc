#include "metrics/datadog.h"

#include "metrics/authentication.h"
#include "metrics/go_numbers.h"
#include "metrics/http_fields.h"
#include "metrics/series_result.h"

#include <fmt/format.h>

#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace serin::metrics {

namespace {

std::unexpected<Error> refuse(std::string message) {
    return fail(ErrorKind::invalid, std::move(message));
}

std::string version_of(const json::Object& config) {
    const std::string version = text_field(config, "apiVersion");
    return version.empty() ? "v1" : version;
}

std::map<std::string, std::string> queries_of(const json::Object& config) {
    std::map<std::string, std::string> queries;
    const std::string query = text_field(config, "query");
    if (!query.empty()) queries["query"] = query;
    if (const json::Object* given = json::object(config.if_contains("queries"))) {
        for (const auto& member : *given)
            queries[member.key()] = json::text(&member.value()).value_or("");
    }
    return queries;
}

json::Value scalar_request(const json::Object& config, std::int64_t from, std::int64_t to) {
    std::string aggregator = text_field(config, "aggregator");
    if (aggregator.empty()) aggregator = "last";
    json::Array queries;
    for (const auto& [name, query] : queries_of(config)) {
        queries.push_back(json::Object{
            {"aggregator", json::string(aggregator)},
            {"data_source", "metrics"},
            {"name", json::string(name)},
            {"query", json::string(query)}});
    }
    json::Array formulas;
    const std::string formula = text_field(config, "formula");
    if (!formula.empty()) formulas.push_back(json::Object{{"formula", json::string(formula)}});
    json::Object attributes{
        {"from", from},
        {"to", to},
        {"queries", std::move(queries)},
        {"formulas", std::move(formulas)}};
    return json::Object{
        {"data", json::Object{{"attributes", std::move(attributes)}, {"type", "scalar_request"}}}};
}

Result<> check_status(const HttpResponse& response) {
    if (response.status == 200) return {};
    if (response.status != 401 && response.status != 403)
        return std::unexpected(status_error(response));
    return fail(
        ErrorKind::denied,
        fmt::format(
            "received authentication error response code: {} {}",
            response.status,
            excerpt(response.body)));
}

// The condition sees nil.
MetricSample nothing() {
    return {.result = nullptr, .value = "[]"};
}

Result<MetricSample> read_series(const json::Value& body) {
    const auto problem = json::text(json::find(body, "/error")).value_or("");
    if (!problem.empty())
        return refuse(fmt::format("There were errors in your query: {}", excerpt(problem)));
    const json::Value* series = json::find(body, "/series");
    if (series == nullptr || series->is_null()) return nothing();
    const json::Array* all = json::array(series);
    if (all == nullptr) return refuse("Could not parse JSON body: series is not a list");
    if (all->empty()) return nothing();
    const json::Array* points = json::array(json::find(all->front(), "/pointlist"));
    if (points == nullptr) return refuse("Could not parse JSON body: a series without pointlist");
    // The last interval is often not over, and then has no value yet.
    for (auto point = points->rbegin(); point != points->rend(); ++point) {
        const json::Array* pair = json::array(&*point);
        if (pair == nullptr || pair->size() != 2) return refuse("Datapoint does not have 2 values");
        if ((*pair)[1].is_null()) continue;
        const auto value = json::number(&(*pair)[1]);
        if (!value) return refuse("Could not parse JSON body: a value is not a number");
        return MetricSample{.result = *value, .value = plain_number(*value)};
    }
    return nothing();
}

// A row's name: what each group column says of it.
std::optional<std::string> group_name(
    const std::vector<const json::Array*>& columns, std::size_t row) {
    std::string name;
    for (const json::Array* column : columns) {
        const json::Array* tags = row < column->size() ? json::array(&(*column)[row]) : nullptr;
        if (tags == nullptr || tags->empty()) return std::nullopt;
        for (const json::Value& tag : *tags) {
            const auto text = json::text(&tag);
            if (!text) return std::nullopt;
            if (!name.empty()) name += ",";
            name += *text;
        }
    }
    return name;
}

Result<MetricSample> read_columns(const json::Value& body) {
    for (const char* at : {"/data/errors", "/errors"}) {
        const auto problem = json::text(json::find(body, at)).value_or("");
        if (!problem.empty())
            return refuse(fmt::format("There were errors in your query: {}", excerpt(problem)));
    }
    const json::Array* numbers = nullptr;
    std::vector<const json::Array*> names;
    const json::Value* columns = json::find(body, "/data/attributes/columns");
    if (columns == nullptr || columns->is_null()) return nothing();
    if (!columns->is_array()) return refuse("Could not parse JSON body: columns is not a list");
    for (const json::Value& column : columns->get_array()) {
        const json::Array* values = json::array(json::find(column, "/values"));
        if (values == nullptr) return refuse("Could not parse JSON body: a column without values");
        const auto type = json::text(json::find(column, "/type")).value_or("number");
        if (type == "group") names.push_back(values);
        if (type == "number" && numbers == nullptr) numbers = values;
    }
    json::Array all;
    std::vector<NamedNumber> groups;
    for (std::size_t row = 0; numbers != nullptr && row < numbers->size(); ++row) {
        if ((*numbers)[row].is_null()) continue;  // No data for this group.
        const auto value = json::number(&(*numbers)[row]);
        if (!value) return refuse("Could not parse JSON body: a value is not a number");
        all.emplace_back(*value);
        if (names.empty()) continue;
        auto name = group_name(names, row);
        if (!name) return refuse(fmt::format("could not parse group label at index {}", row));
        groups.push_back({.name = *std::move(name), .value = *value});
    }
    if (all.empty()) return nothing();
    if (names.empty())
        return MetricSample{.result = all[0], .value = plain_number(all[0].get_double())};
    MetricSample sample;
    for (const json::Value& value : all)
        sample.value += (sample.value.empty() ? "[" : ",") + plain_number(value.get_double());
    sample.value += "]";
    sample.result = std::move(all);
    tell_groups(std::move(groups), sample);
    return sample;
}

}  // namespace

Result<> DatadogSource::check(const json::Object& config) const {
    SERIN_TRY_DO(check_fields(
        config,
        {"apiVersion",
         "interval",
         "query",
         "queries",
         "formula",
         "aggregator",
         "requestTimeout",
         "secretRef"}));
    const std::string version = version_of(config);
    if (version != "v1" && version != "v2") return refuse("apiVersion: expected v1 or v2");
    const bool has_query = !text_field(config, "query").empty();
    const json::Object* queries = json::object(config.if_contains("queries"));
    const std::size_t count = queries == nullptr ? 0 : queries->size();
    if (has_query && count > 0) return refuse("queries: use either query or queries");
    if (!has_query && count == 0) return refuse("query: missing");
    if (version == "v1" && !has_query) return refuse("queries: apiVersion v1 knows only query");
    const bool has_formula = !text_field(config, "formula").empty();
    if (has_formula && count == 0) return refuse("formula: needs queries");
    if (!has_formula && count > 1) return refuse("formula: several queries need one");
    if (version == "v1" && !text_field(config, "aggregator").empty())
        return refuse("aggregator: apiVersion v1 knows none");
    SERIN_TRY_DO(read_window(config, "interval", {}));
    SERIN_TRY_DO(read_window(config, "requestTimeout", {}));
    return check_secret_ref(config);
}

Result<Question> DatadogSource::ask(const MetricQuery& query) const {
    SERIN_TRY_DO(check(query.config));
    const bool names_secret =
        !json::text(json::find(query.config, "/secretRef/name")).value_or("").empty();
    DatadogAccount account;
    const auto api_key = credentials_.variable("DD_API_KEY");
    const auto app_key = credentials_.variable("DD_APP_KEY");
    const auto address = credentials_.variable("DD_ADDRESS");
    if (!names_secret && api_key && app_key && address) {
        account = {.address = *address, .api_key = *api_key, .app_key = *app_key};
    } else {
        SERIN_TRY(
            const SecretValues values, credentials_.secret_of(query.config, query.ns, "datadog"));
        account = {
            .address = value_at(values, "address"),
            .api_key = value_at(values, "api-key"),
            .app_key = value_at(values, "app-key")};
    }
    if (account.api_key.empty() || account.app_key.empty()) {
        return fail(
            ErrorKind::not_found,
            "API or App token not found: the secret needs the keys api-key and app-key");
    }
    SERIN_TRY(HttpRequest request, datadog_request(query.config, account, query.now));
    return Question{
        .request = std::move(request),
        .read =
            [version = version_of(query.config)](const HttpResponse& response) {
                return read_datadog_answer(version, response);
            },
        .secrets = {account.api_key, account.app_key}};
}

Result<HttpRequest> datadog_request(
    const json::Object& config, const DatadogAccount& account, Instant now) {
    std::string address = without_slash(account.address);
    if (address.empty()) address = "https://api.datadoghq.com";
    SERIN_TRY_DO(check_url("address", address));
    SERIN_TRY(const Duration window, read_window(config, "interval", std::chrono::minutes(5)));
    HttpRequest request;
    SERIN_TRY(request.timeout, read_window(config, "requestTimeout", std::chrono::seconds(10)));
    request.headers = {
        {"Content-Type", "application/json"},
        {"DD-API-KEY", account.api_key},
        {"DD-APPLICATION-KEY", account.app_key}};
    const std::int64_t to = unix_seconds(now);
    const std::int64_t from = to - std::chrono::floor<std::chrono::seconds>(window).count();
    if (version_of(config) == "v1") {
        request.url = fmt::format(
            "{}/api/v1/query?from={}&query={}&to={}",
            address,
            from,
            escape_form(text_field(config, "query")),
            to);
        return request;
    }
    request.method = "POST";
    request.url = address + "/api/v2/query/scalar";
    request.body = json::print(scalar_request(config, from * 1000, to * 1000));
    return request;
}

Result<MetricSample> read_datadog_answer(std::string_view version, const HttpResponse& response) {
    SERIN_TRY_DO(check_status(response));
    const auto body = json::parse(response.body);
    if (!body) return refuse(fmt::format("Could not parse JSON body: {}", body.error().message));
    if (!body->is_object()) return refuse("Could not parse JSON body: it is not an object");
    return version == "v1" ? read_series(*body) : read_columns(*body);
}

}  // namespace serin::metrics
