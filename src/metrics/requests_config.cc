#include "metrics/requests_config.h"

#include <fmt/format.h>

#include <charconv>

namespace serin::metrics {

namespace {

std::unexpected<Error> refuse(std::string_view field, std::string_view why) {
    return fail(ErrorKind::invalid, fmt::format("{}: {}", field, why));
}

Result<double> read_number(std::string_view field, const json::Value& value) {
    if (const auto number = json::number(&value)) return *number;
    if (const auto text = json::text(&value)) {
        double number = 0;
        const char* end = text->data() + text->size();
        const auto [stopped, problem] = std::from_chars(text->data(), end, number);
        if (problem == std::errc() && stopped == end) return number;
    }
    return refuse(field, "expected a number");
}

Result<Duration> read_duration(std::string_view field, const json::Value& value) {
    const auto text = json::text(&value);
    if (!text) return refuse(field, "expected a duration such as \"60s\"");
    auto duration = parse_duration(*text);
    if (!duration) return refuse(field, duration.error().message);
    if (*duration <= Duration(0)) return refuse(field, "must be positive");
    return *duration;
}

Result<std::string> read_text(std::string_view field, const json::Value& value) {
    const auto text = json::text(&value);
    if (!text || text->empty()) return refuse(field, "expected text");
    return std::string(*text);
}

Result<RequestsConfig::Quantity> read_quantity(const json::Value& value) {
    using enum RequestsConfig::Quantity;
    const auto text = json::text(&value).value_or("");
    if (text == "success-rate") return success_rate;
    if (text == "error-rate") return error_rate;
    if (text == "latency") return latency;
    if (text == "count") return count;
    if (text == "rate") return rate;
    return refuse("metric", "expected success-rate, error-rate, latency, count or rate");
}

Result<int> read_class(const json::Value& value) {
    const auto text = json::text(&value).value_or("");
    if (text.size() == 3 && text[0] >= '1' && text[0] <= '5' && text.substr(1) == "xx")
        return text[0] - '0';
    return refuse("statusClass", "expected 1xx, 2xx, 3xx, 4xx or 5xx");
}

Result<> read_field(
    RequestsConfig& config, std::string_view field, const json::Value& value, bool& is_ratio) {
    if (field == "metric") {
        SERIN_TRY(config.quantity, read_quantity(value));
    } else if (field == "quantile") {
        SERIN_TRY(config.quantile, read_number(field, value));
        if (!(0 < config.quantile && config.quantile < 1))
            return refuse(field, "must be between 0 and 1, such as 0.95");
    } else if (field == "window") {
        SERIN_TRY(config.window, read_duration(field, value));
        if (*config.window > std::chrono::hours(1)) return refuse(field, "must be at most 1h");
    } else if (field == "timeout") {
        SERIN_TRY(config.timeout, read_duration(field, value));
    } else if (field == "revision") {
        SERIN_TRY(config.revision, read_text(field, value));
    } else if (field == "route") {
        SERIN_TRY(config.route, read_text(field, value));
    } else if (field == "service") {
        SERIN_TRY(config.service, read_text(field, value));
    } else if (field == "statusClass") {
        SERIN_TRY(config.status_class, read_class(value));
    } else if (field == "minRequests") {
        SERIN_TRY(const double number, read_number(field, value));
        if (!(number >= 0 && number <= 1e9)) return refuse(field, "must be a count from 0");
        config.requests_min = static_cast<std::uint64_t>(number);
    } else if (field == "relativeTo") {
        if (json::text(&value) != "stable") return refuse(field, "only \"stable\" is possible");
        config.comparison = RequestsConfig::Comparison::difference;
    } else if (field == "comparison") {
        const auto text = json::text(&value).value_or("");
        if (text != "ratio" && text != "difference")
            return refuse(field, "expected ratio or difference");
        is_ratio = text == "ratio";
    } else {
        return refuse(field, "unknown field");
    }
    return {};
}

}  // namespace

Result<RequestsConfig> RequestsConfig::read(const json::Object& object) {
    RequestsConfig config;
    bool is_ratio = false;
    if (!object.contains("metric"))
        return refuse("metric", "missing: success-rate, error-rate, latency, count or rate");
    for (const auto& member : object)
        SERIN_TRY_DO(read_field(config, member.key(), member.value(), is_ratio));

    if (config.comparison == Comparison::none && object.contains("comparison"))
        return refuse("comparison", "needs relativeTo: stable");
    if (is_ratio) config.comparison = Comparison::ratio;
    if (config.comparison != Comparison::none && config.revision == "stable")
        return refuse("relativeTo", "compares stable with itself");
    if (config.quantity == Quantity::latency && config.status_class != 0)
        return refuse("statusClass", "latencies are not kept by status");
    if (config.quantity != Quantity::latency && object.contains("quantile"))
        return refuse("quantile", "only for metric: latency");
    return config;
}

Result<MetricArm> RequestsConfig::arm(const MetricQuery& query) const {
    if (revision == "canary") {
        if (!query.candidate.revision.empty()) return query.candidate;
        return fail(
            ErrorKind::invalid,
            "the canary is not known: the analysis run has no label rollouts-pod-template-hash");
    }
    if (revision == "stable") {
        if (!query.stable.revision.empty()) return query.stable;
        return fail(
            ErrorKind::invalid, "the stable revision is not known: no Rollout controls this run");
    }
    if (revision == query.candidate.revision) return query.candidate;
    if (revision == query.stable.revision) return query.stable;
    return MetricArm{.revision = revision};
}

}  // namespace serin::metrics
