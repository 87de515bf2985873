#include "metrics/prometheus_answer.h"

#include "base/json.h"
#include "metrics/http_provider.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

namespace serin::metrics {

namespace {

std::unexpected<Error> refuse(std::string message) {
    return fail(ErrorKind::invalid, std::move(message));
}

std::optional<double> read_number(std::string_view text) {
    if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
    if (text == "+Inf" || text == "Inf") return std::numeric_limits<double>::infinity();
    if (text == "-Inf") return -std::numeric_limits<double>::infinity();
    double number = 0;
    const char* end = text.data() + text.size();
    const auto [stopped, problem] = std::from_chars(text.data(), end, number);
    if (problem != std::errc() || stopped != end) return std::nullopt;
    return number;
}

// Without an exponent, as Go prints sample values.
std::string number_text(double number) {
    if (std::isnan(number)) return "NaN";
    if (std::isinf(number)) return number > 0 ? "+Inf" : "-Inf";
    std::array<char, 512> text{};
    const auto [end, problem] =
        std::to_chars(text.begin(), text.end(), number, std::chars_format::fixed);
    return {text.begin(), end};
}

using Point = std::pair<Instant, double>;

// A sample is [time, "value"].
Result<Point> read_sample(const json::Value* sample) {
    const json::Array* pair = json::array(sample);
    const auto text = pair == nullptr || pair->size() != 2 ? std::nullopt : json::text(&(*pair)[1]);
    const auto number = text ? read_number(*text) : std::nullopt;
    if (!number) return refuse("bad_response: a sample is not [time, \"value\"]");
    const double seconds = json::number(pair->data()).value_or(0);
    // A time that no instant can hold says nothing.
    const bool is_time = std::abs(seconds) < 1e12;
    return Point(Instant(Duration(is_time ? std::llround(seconds * 1000) : 0)), *number);
}

Result<MetricSeries> read_one(const json::Value& one, std::string_view type) {
    MetricSeries series;
    if (const json::Object* labels = json::object(json::find(one, "/metric"))) {
        for (const auto& label : *labels)
            series.labels.emplace(label.key(), json::text(&label.value()).value_or(""));
    }
    if (type == "vector") {
        SERIN_TRY(const Point point, read_sample(json::find(one, "/value")));
        series.points.push_back(point);
        return series;
    }
    const json::Array* samples = json::array(json::find(one, "/values"));
    if (samples == nullptr) return refuse("bad_response: a series without values");
    for (const json::Value& sample : *samples) {
        SERIN_TRY(const Point point, read_sample(&sample));
        series.points.push_back(point);
    }
    return series;
}

Result<std::vector<MetricSeries>> read_series(const json::Value& result, std::string_view type) {
    const json::Array* listed = json::array(&result);
    if (listed == nullptr) return refuse("bad_response: the result is not a list");
    std::vector<MetricSeries> all;
    for (const json::Value& one : *listed) {
        SERIN_TRY(MetricSeries series, read_one(one, type));
        all.push_back(std::move(series));
    }
    return all;
}

json::Array numbers_of(const std::vector<MetricSeries>& all) {
    json::Array numbers;
    for (const MetricSeries& series : all) {
        for (const auto& [at, number] : series.points) numbers.emplace_back(number);
    }
    return numbers;
}

std::string list_text(const json::Array& numbers) {
    std::string text = "[";
    for (const json::Value& number : numbers) {
        if (text.size() > 1) text += ",";
        text += number_text(number.get_double());
    }
    return text + "]";
}

Result<> check_status(const HttpResponse& response, const json::Value* body) {
    const bool may_explain = response.status / 100 == 2 || response.status == 400 ||
                             response.status == 422 || response.status == 503;
    if (may_explain && body != nullptr) {
        const auto status = json::text(json::find(*body, "/status"));
        if (status == "success" && response.status / 100 == 2) return {};
        if (status == "error") {
            return refuse(fmt::format(
                "{}: {}",
                json::text(json::find(*body, "/errorType")).value_or("unknown"),
                excerpt(json::text(json::find(*body, "/error")).value_or("no reason given"))));
        }
    }
    // Not in Prometheus' words: what stands before it may say why.
    const std::string words = fmt::format("{}{}", response.status, words_of(response));
    if (response.status / 100 == 4) return refuse("client_error: client error: " + words);
    if (response.status / 100 == 5) return refuse("server_error: server error: " + words);
    if (response.status / 100 != 2) return refuse("bad_response: bad response code " + words);
    return refuse("bad_response: the answer is not one of Prometheus");
}

}  // namespace

Result<MetricSample> read_prometheus_answer(const HttpResponse& response) {
    const auto body = json::parse(response.body);
    SERIN_TRY_DO(check_status(response, body ? &*body : nullptr));

    const auto type = json::text(json::find(*body, "/data/resultType")).value_or("");
    const json::Value* result = json::find(*body, "/data/result");
    if (result == nullptr) return refuse("bad_response: no result");
    MetricSample sample;
    if (type == "scalar") {
        SERIN_TRY(const Point point, read_sample(result));
        sample.result = point.second;
        sample.value = number_text(point.second);
    } else if (type == "vector" || type == "matrix") {
        SERIN_TRY(sample.series, read_series(*result, type));
        json::Array numbers = numbers_of(sample.series);
        sample.value = list_text(numbers);
        sample.result = std::move(numbers);
    } else {
        return refuse("Prometheus metric type not supported");
    }
    if (const json::Array* warnings = json::array(json::find(*body, "/warnings"))) {
        std::string& text = sample.metadata["warnings"];
        for (const json::Value& warning : *warnings) {
            if (!text.empty()) text += ", ";
            text += json::text(&warning).value_or("");
        }
        text = excerpt(text);
    }
    return sample;
}

}  // namespace serin::metrics
