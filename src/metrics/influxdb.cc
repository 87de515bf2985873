#include "metrics/influxdb.h"

#include "metrics/authentication.h"
#include "metrics/csv.h"
#include "metrics/go_numbers.h"
#include "metrics/http_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

namespace serin::metrics {

namespace {

std::unexpected<Error> refuse(std::string message) {
    return fail(ErrorKind::invalid, std::move(message));
}

// {"code": "unauthorized", "message": "unauthorized access"}, and of InfluxDB 1.8 a table with the
// column "error".
Error read_refusal(const HttpResponse& response) {
    const auto body = json::parse(response.body);
    const auto code = body ? json::text(json::find(*body, "/code")) : std::nullopt;
    const auto words = body ? json::text(json::find(*body, "/message")) : std::nullopt;
    Error error = status_error(response);
    if (code && words)
        error.message = fmt::format("{} ({}): {}", *code, response.status, excerpt(*words));
    const auto rows = read_csv(response.body);
    const bool is_table = rows && rows->size() > 1 && (*rows)[0] == CsvRow{"error"};
    if (is_table && !(*rows)[1].empty())
        error.message = fmt::format("error ({}): {}", response.status, excerpt((*rows)[1][0]));
    return error;
}

Result<json::Value> read_number(const std::string& text) {
    if (text == "NaN") return json::Value(std::numeric_limits<double>::quiet_NaN());
    if (text == "+Inf") return json::Value(std::numeric_limits<double>::infinity());
    if (text == "-Inf") return json::Value(-std::numeric_limits<double>::infinity());
    double number = 0;
    const char* end = text.data() + text.size();
    const auto [stopped, problem] = std::from_chars(text.data(), end, number);
    if (problem != std::errc() || stopped != end)
        return refuse(fmt::format("InfluxDB: '{}' is not a number", excerpt(text)));
    return json::Value(number);
}

template <class Integer>
Result<json::Value> read_integer(const std::string& text) {
    Integer number = 0;
    const char* end = text.data() + text.size();
    const auto [stopped, problem] = std::from_chars(text.data(), end, number);
    if (problem != std::errc() || stopped != end)
        return refuse(fmt::format("InfluxDB: '{}' is not an integer", excerpt(text)));
    return json::Value(number);
}

Result<json::Value> read_typed(const std::string& type, const std::string& text) {
    if (text.empty() && type != "string") return json::Value(nullptr);
    if (type == "double") return read_number(text);
    if (type == "long") return read_integer<std::int64_t>(text);
    if (type == "unsignedLong") return read_integer<std::uint64_t>(text);
    if (type == "boolean") return json::Value(text == "true");
    return json::string(text);  // Texts, times, durations.
}

// As Go's fmt.Sprint writes it.
std::string written(const json::Value& value) {
    if (value.is_null()) return "<nil>";
    if (value.is_double()) return short_number(value.get_double());
    if (const auto text = json::text(&value)) return std::string(*text);
    return json::print(value);
}

// What the rows of one table mean.
struct Table {
    CsvRow types;
    CsvRow defaults;
    CsvRow names;

    std::size_t column(std::string_view name) const {
        return static_cast<std::size_t>(std::ranges::find(names, name) - names.begin());
    }
    std::string field(const CsvRow& row, std::size_t column) const {
        if (column >= row.size()) return {};
        if (row[column].empty() && column < defaults.size()) return defaults[column];
        return row[column];
    }
};

class AnswerReader {
public:
    Result<> take(const CsvRow& row) {
        if (row.empty()) {  // Between tables.
            table_ = {};
            return {};
        }
        if (row[0] == "#datatype") {
            table_ = {.types = row, .defaults = {}, .names = {}};
        } else if (row[0] == "#default") {
            table_.defaults = row;
            if (!table_.defaults.empty()) table_.defaults[0].clear();
        } else if (row[0].starts_with('#')) {
            return {};
        } else if (table_.names.empty()) {
            if (std::ranges::find(row, "_value") == row.end() &&
                std::ranges::find(row, "error") == row.end() && table_.types.empty())
                return refuse("InfluxDB: the answer is not annotated CSV");
            table_.names = row;
        } else {
            return take_record(row);
        }
        return {};
    }

    json::Array values;

private:
    Result<> take_record(const CsvRow& row) {
        const std::size_t error = table_.column("error");
        if (error < table_.names.size() && table_.column("_value") == table_.names.size()) {
            return refuse(fmt::format("InfluxDB: {}", excerpt(table_.field(row, error))));
        }
        if (row.size() != table_.names.size())
            return refuse("InfluxDB: a record has not as many fields as its table");
        const std::size_t value = table_.column("_value");
        if (value == table_.names.size()) {  // Conditions see that it has none.
            values.emplace_back(nullptr);
            return {};
        }
        if (value >= table_.types.size()) return refuse("InfluxDB: a table does not say its types");
        SERIN_TRY(json::Value read, read_typed(table_.types[value], table_.field(row, value)));
        values.push_back(std::move(read));
        return {};
    }

    Table table_;
};

}  // namespace

Result<> InfluxdbSource::check(const json::Object& config) const {
    SERIN_TRY_DO(check_fields(config, {"profile", "query"}));
    if (text_field(config, "query").empty()) return refuse("query: missing");
    return {};
}

Result<Question> InfluxdbSource::ask(const MetricQuery& query) const {
    SERIN_TRY_DO(check(query.config));
    std::string profile = text_field(query.config, "profile");
    if (profile.empty()) profile = "influxdb";
    SERIN_TRY(const SecretValues secret, credentials_.own_secret(profile));
    auto request = influxdb_request(query.config, secret);
    if (!request) {
        return std::unexpected(
            std::move(request).error().within(fmt::format("secret \"{}\"", profile)));
    }
    return Question{
        .request = *std::move(request),
        .read = read_influxdb_answer,
        .secrets = {value_at(secret, "authToken")}};
}

Result<HttpRequest> influxdb_request(const json::Object& config, const SecretValues& secret) {
    const std::string token = value_at(secret, "authToken");
    const std::string org = value_at(secret, "org");
    const std::string address = without_slash(value_at(secret, "address"));
    if (token.empty() || org.empty() || address.empty())
        return refuse("authToken, org, or address not found");
    SERIN_TRY_DO(check_url("address", address));
    HttpRequest request{
        .method = "POST", .url = fmt::format("{}/api/v2/query?org={}", address, escape_form(org))};
    request.timeout = std::chrono::seconds(30);
    request.headers = {
        {"Authorization", "Token " + token},
        {"Content-Type", "application/json; charset=utf-8"},
        {"Accept", "text/csv"}};
    request.body = json::print(json::Object{
        {"dialect",
         json::Object{
             {"annotations", json::Array{"datatype", "group", "default"}},
             {"delimiter", ","},
             {"header", true}}},
        {"query", json::string(text_field(config, "query"))},
        {"type", "flux"}});
    return request;
}

Result<MetricSample> read_influxdb_answer(const HttpResponse& response) {
    if (response.status / 100 != 2) return std::unexpected(read_refusal(response));
    auto rows = read_csv(response.body);
    if (!rows) return std::unexpected(std::move(rows).error().within("InfluxDB"));
    AnswerReader reader;
    for (const CsvRow& row : *rows) SERIN_TRY_DO(reader.take(row));
    if (reader.values.empty())
        return fail(ErrorKind::not_found, "no results returned from flux query");
    MetricSample sample;
    for (const json::Value& value : reader.values)
        sample.value += (sample.value.empty() ? "[" : " ") + written(value);
    sample.value += "]";
    sample.result = std::move(reader.values);
    return sample;
}

}  // namespace serin::metrics
