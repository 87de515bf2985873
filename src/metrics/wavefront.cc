#include "metrics/wavefront.h"

#include "metrics/authentication.h"
#include "metrics/http_fields.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

namespace serin::metrics {

namespace {

constexpr std::string_view secret_name = "wavefront-api-tokens";

std::unexpected<Error> refuse(std::string message) {
    return fail(ErrorKind::invalid, std::move(message));
}

// "example.wavefront.com" is asked over TLS.
std::string url_of(const std::string& address) {
    return without_slash(address.contains("://") ? address : "https://" + address);
}

std::string host_of(const std::string& address) {
    const auto mark = address.find("://");
    const std::string rest = mark == std::string::npos ? address : address.substr(mark + 3);
    return rest.substr(0, rest.find_first_of(":/"));
}

struct Point {
    std::int64_t time = 0;  // Seconds.
    double value = 0;
};

// The point nearest to now; empty for a series without points.
Result<std::optional<Point>> nearest(const json::Value& series, std::int64_t now) {
    const json::Array* points = json::array(json::find(series, "/data"));
    if (points == nullptr) return refuse("Wavefront: a series without data");
    std::optional<Point> found;
    for (const json::Value& point : *points) {
        const json::Array* pair = json::array(&point);
        if (pair == nullptr || pair->size() != 2)
            return refuse("Wavefront: a point is not [time, value]");
        const auto time = json::number(pair->data());
        auto value = json::number(&(*pair)[1]);
        if (json::text(&(*pair)[1]) == "NaN") value = std::numeric_limits<double>::quiet_NaN();
        if (!time || std::abs(*time) > 1e12 || !value)
            return refuse("Wavefront: a point is not [time, value]");
        const Point read{.time = std::llround(*time), .value = *value};
        if (!found || std::abs(read.time - now) < std::abs(found->time - now)) found = read;
    }
    return found;
}

// "0.50", or "[0.50,0.75]".
std::string joined(const std::vector<std::string>& texts) {
    if (texts.size() == 1) return texts.front();
    std::string all;
    for (const std::string& text : texts) all += (all.empty() ? "[" : ",") + text;
    return all + "]";
}

}  // namespace

Result<> WavefrontSource::check(const json::Object& config) const {
    SERIN_TRY_DO(check_fields(config, {"address", "query"}));
    const std::string address = text_field(config, "address");
    if (address.empty()) return refuse("address: missing");
    SERIN_TRY_DO(check_url("address", url_of(address)));
    if (text_field(config, "query").empty()) return refuse("query: missing");
    return {};
}

Result<Question> WavefrontSource::ask(const MetricQuery& query) const {
    SERIN_TRY_DO(check(query.config));
    SERIN_TRY(const SecretValues tokens, credentials_.own_secret(secret_name));
    const std::string address = text_field(query.config, "address");
    std::string token = value_at(tokens, address);
    if (token.empty()) token = value_at(tokens, host_of(address));
    if (token.empty()) {
        return fail(
            ErrorKind::not_found,
            fmt::format(
                "API token not found: secret \"{}\" has no key {}", secret_name, host_of(address)));
    }
    return Question{
        .request = wavefront_request(query.config, token, query.now),
        .read = [now = query.now](
                    const HttpResponse& response) { return read_wavefront_answer(response, now); },
        .secrets = {token}};
}

HttpRequest wavefront_request(const json::Object& config, const std::string& token, Instant now) {
    // A window without length gives the points around it: `i` lets them count.
    const std::int64_t at = unix_seconds(now) * 1000;
    HttpRequest request{
        .url = fmt::format(
            "{}/api/v2/chart/api?e={}&g=s&i=true&p=1&q={}&s={}",
            url_of(text_field(config, "address")),
            at,
            escape_form(text_field(config, "query")),
            at)};
    request.timeout = std::chrono::seconds(30);
    request.headers = {{"Authorization", "Bearer " + token}, {"Accept", "application/json"}};
    return request;
}

Result<MetricSample> read_wavefront_answer(const HttpResponse& response, Instant now) {
    if (response.status / 100 != 2) return std::unexpected(status_error(response));
    const auto body = json::parse(response.body);
    if (!body) return refuse(fmt::format("Wavefront: {}", body.error().message));
    for (const char* at : {"/errorMessage", "/errorType"}) {
        const auto problem = json::text(json::find(*body, at)).value_or("");
        if (!problem.empty()) return refuse(fmt::format("Wavefront: {}", excerpt(problem)));
    }
    const json::Value* listed = json::find(*body, "/timeseries");
    const bool is_nothing = body->is_object() && (listed == nullptr || listed->is_null());
    if (!is_nothing && json::array(listed) == nullptr)
        return refuse("Wavefront: the answer has no list of series");
    MetricSample sample;
    const auto warnings = json::text(json::find(*body, "/warnings")).value_or("");
    if (!warnings.empty()) sample.metadata["warnings"] = excerpt(warnings);
    const std::int64_t at = unix_seconds(now);
    json::Array values;
    std::vector<std::string> texts;
    std::vector<std::string> times;
    std::vector<std::string> drifts;
    for (const json::Value& series : is_nothing ? json::Array() : listed->get_array()) {
        SERIN_TRY(const std::optional<Point> point, nearest(series, at));
        if (!point) continue;
        values.emplace_back(point->value);
        texts.push_back(std::isnan(point->value) ? "NaN" : fmt::format("{:.2f}", point->value));
        times.push_back(std::to_string(point->time));
        drifts.push_back(std::to_string(point->time - at));
    }
    if (values.empty())
        return fail(ErrorKind::not_found, "No TimeSeries found in response from Wavefront");
    sample.value = joined(texts);
    sample.metadata["timestamps"] = joined(times);
    sample.metadata["drift"] = joined(drifts);
    sample.result = values.size() == 1 ? values.front() : json::Value(std::move(values));
    return sample;
}

}  // namespace serin::metrics
