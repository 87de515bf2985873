#include "metrics/graphite.h"

#include "metrics/authentication.h"
#include "metrics/http_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

namespace serin::metrics {

namespace {

std::unexpected<Error> refuse(std::string message) {
    return fail(ErrorKind::invalid, std::move(message));
}

std::string unescaped(std::string_view text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned code = 0;
        const bool is_escape =
            text[i] == '%' && i + 2 < text.size() &&
            std::from_chars(text.data() + i + 1, text.data() + i + 3, code, 16).ptr ==
                text.data() + i + 3;
        if (is_escape) {
            plain.push_back(static_cast<char>(code));
            i += 2;
        } else {
            plain.push_back(text[i] == '+' ? ' ' : text[i]);
        }
    }
    return plain;
}

// Graphite writes numbers, and some of its relatives texts.
Result<std::optional<double>> read_value(const json::Value& value) {
    if (value.is_null()) return std::nullopt;
    auto number = json::number(&value);
    if (const auto text = json::text(&value)) {
        double read = 0;
        const char* end = text->data() + text->size();
        const auto [stopped, problem] = std::from_chars(text->data(), end, read);
        if (problem == std::errc() && stopped == end) number = read;
    }
    if (!number || !std::isfinite(*number)) return refuse("Graphite: a value is not a number");
    return *number;
}

}  // namespace

Result<> GraphiteSource::check(const json::Object& config) const {
    SERIN_TRY_DO(check_fields(config, {"address", "query"}));
    SERIN_TRY_DO(check_url("address", text_field(config, "address")));
    if (text_field(config, "query").empty()) return refuse("query: missing");
    return {};
}

Result<Question> GraphiteSource::ask(const MetricQuery& query) const {
    SERIN_TRY_DO(check(query.config));
    HttpRequest request{
        .url =
            graphite_url(text_field(query.config, "address"), text_field(query.config, "query"))};
    request.timeout = std::chrono::seconds(10);
    return Question{.request = std::move(request), .read = read_graphite_answer};
}

std::string graphite_url(const std::string& address, std::string_view query) {
    std::vector<std::pair<std::string, std::string>> parameters{{"format", "json"}};
    std::string dense;
    for (const char letter : query) {
        if (std::isspace(static_cast<unsigned char>(letter)) == 0) dense.push_back(letter);
    }
    for (std::string_view rest = dense; !rest.empty();) {
        const std::string_view one = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(one.size() + 1, rest.size()));
        const auto equals = one.find('=');
        std::string name = unescaped(one.substr(0, equals));
        if (one.empty() || name == "format") continue;
        const std::string_view value =
            equals == std::string_view::npos ? std::string_view() : one.substr(equals + 1);
        parameters.emplace_back(std::move(name), unescaped(value));
    }
    std::ranges::stable_sort(parameters, {}, &std::pair<std::string, std::string>::first);
    std::string url = without_slash(address) + "/render";
    char separator = '?';
    for (const auto& [name, value] : parameters) {
        url += fmt::format("{}{}={}", separator, escape_form(name), escape_form(value));
        separator = '&';
    }
    return url;
}

Result<MetricSample> read_graphite_answer(const HttpResponse& response) {
    if (response.status >= 400) {
        const Error refusal = status_error(response);
        return fail(refusal.kind, fmt::format("error response: {}", refusal.message));
    }
    const auto body = json::parse(response.body);
    if (!body) return refuse(fmt::format("Graphite: {}", body.error().message));
    const json::Array* targets = json::array(&*body);
    if (targets == nullptr) return refuse("Graphite: the answer is not a list of targets");
    if (targets->empty()) return fail(ErrorKind::not_found, "no values found");
    const json::Array* points = json::array(json::find(targets->front(), "/datapoints"));
    if (points == nullptr) return refuse("Graphite: a target without datapoints");
    if (points->empty()) return fail(ErrorKind::not_found, "no values found");
    MetricSample sample;
    json::Array values;
    for (const json::Value& point : *points) {
        const json::Array* pair = json::array(&point);
        if (pair == nullptr || pair->size() != 2)
            return refuse("Graphite: a data point is not [value, time]");
        SERIN_TRY(const std::optional<double> value, read_value(pair->front()));
        if (!value) continue;
        values.emplace_back(*value);
        sample.value += fmt::format("{}{:f}", sample.value.empty() ? "[" : ",", *value);
    }
    sample.value = sample.value.empty() ? "[]" : sample.value + "]";
    sample.result = std::move(values);
    return sample;
}

}  // namespace serin::metrics
