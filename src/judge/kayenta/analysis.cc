#include "judge/kayenta/analysis.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <string_view>
#include <utility>

namespace serin::judge::kayenta {

namespace {

constexpr Duration step_min{1'000};
constexpr std::int64_t points_max = 10'000;

std::unexpected<Error> refuse(std::string_view field, std::string_view why) {
    return fail(ErrorKind::invalid, fmt::format("{}: {}", field, why));
}

std::string text_at(const json::Object& object, std::string_view field) {
    return std::string(json::text(object.if_contains(field)).value_or(""));
}

Result<> reject_others(
    const json::Object& config,
    std::string_view path,
    std::initializer_list<std::string_view> known) {
    for (const auto& member : config) {
        const std::string_view key(member.key().data(), member.key().size());
        if (std::ranges::find(known, key) != known.end()) continue;
        return refuse(
            fmt::format("{}{}", path, key),
            fmt::format("unknown field (known are {})", fmt::join(known, ", ")));
    }
    return {};
}

Result<std::optional<Duration>> read_duration(const json::Object& config, std::string_view field) {
    const json::Value* value = config.if_contains(field);
    if (value == nullptr || value->is_null()) return std::nullopt;
    const auto text = json::text(value);
    const auto duration = text ? parse_duration(*text) : fail(ErrorKind::invalid, "");
    if (!duration || *duration < Duration(0))
        return refuse(field, "expected a duration such as \"30m\"");
    return *duration;
}

// A scope is a text, or an object with further parameters.
Result<Scope> read_scope(const json::Object& config, std::string_view field) {
    const json::Value* value = config.if_contains(field);
    if (value == nullptr) return refuse(field, "missing: what its queries are filled in with");
    Scope scope;
    if (const auto text = json::text(value)) {
        scope.parameters["scope"] = *text;
        return scope;
    }
    const json::Object* members = json::object(value);
    if (members == nullptr) return refuse(field, "expected a text, or an object of texts");
    for (const auto& member : *members) {
        const auto text = json::text(&member.value());
        const std::string_view key(member.key().data(), member.key().size());
        if (!text) return refuse(fmt::format("{}.{}", field, key), "expected text");
        scope.parameters.emplace(key, *text);
    }
    return scope;
}

// ${name} becomes the scope's parameter.
Result<std::string> expand(std::string_view text, const Scope& scope, const std::string& field) {
    std::string filled;
    while (true) {
        const auto start = text.find("${");
        filled += text.substr(0, start);
        if (start == text.npos) return filled;
        const auto end = text.find('}', start);
        if (end == text.npos) return refuse(field, "a ${ without its }");
        const std::string name(text.substr(start + 2, end - start - 2));
        const auto found = scope.parameters.find(name);
        if (found == scope.parameters.end()) {
            return refuse(field, fmt::format("${{{}}} is no parameter of the scope", name));
        }
        filled += found->second;
        text.remove_prefix(end + 1);
    }
}

std::vector<std::string> texts(const json::Value* value) {
    std::vector<std::string> found;
    const json::Array* list = json::array(value);
    for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
        if (const auto text = json::text(&(*list)[i])) found.emplace_back(*text);
    }
    return found;
}

// avg(name{filters}) by (...), as Kayenta asks where no template says what.
std::string plain_query(const json::Object& query, const std::string& filter) {
    std::vector<std::string> filters = texts(query.if_contains("labelBindings"));
    if (!filter.empty()) filters.push_back(filter);
    std::string text =
        fmt::format("avg({}{{{}}})", text_at(query, "metricName"), fmt::join(filters, ","));
    const auto groups = texts(query.if_contains("groupByFields"));
    if (!groups.empty()) text += fmt::format(" by ({})", fmt::join(groups, ","));
    return text;
}

struct Reading {
    const json::Object& canary_config;
    const json::Object& prometheus;
    Duration step;
};

Result<std::string> prometheus_query(
    const json::Object& query, const Reading& reading, const Scope& scope, const std::string& at) {
    constexpr std::string_view promql = "PromQL:";
    std::string text = text_at(query, "customInlineTemplate");
    std::string field = at + ".customInlineTemplate";
    if (const std::string name = text_at(query, "customFilterTemplate");
        text.empty() && !name.empty()) {
        field = at + ".customFilterTemplate";
        const json::Object* templates =
            json::object(reading.canary_config.if_contains("templates"));
        const auto found =
            templates == nullptr ? std::nullopt : json::text(templates->if_contains(name));
        if (!found) return refuse(field, fmt::format("there is no template '{}'", name));
        text = *found;
    }
    SERIN_TRY(std::string filled, expand(text, scope, field));
    const bool has_metric = !text_at(query, "metricName").empty();
    if (filled.starts_with(promql)) {
        filled.erase(0, promql.size());
        return filled;
    }
    if (!has_metric && !filled.empty()) return filled;
    if (has_metric) {
        SERIN_TRY(std::string plain, expand(plain_query(query, filled), scope, at));
        return plain;
    }
    return refuse(at, "give customInlineTemplate (PromQL with ${scope}), or metricName");
}

Result<SeriesQuery> read_query(
    const json::Object& metric,
    Side side,
    const Scope& scope,
    const Reading& reading,
    const std::string& at) {
    const json::Object* query = json::object(metric.if_contains("query"));
    if (query == nullptr) return refuse(at, "missing: where its numbers come from");
    SeriesQuery series{.metric = text_at(metric, "name"), .side = side, .config = {}, .tags = {}};
    const std::string type = text_at(*query, "type");
    if (type == "serin/requests") {
        series.is_requests = true;
        series.config = *query;
        series.config.erase("type");
        series.config.erase("serviceType");
        series.config["window"] = json::string(format_duration(reading.step));
        series.config["revision"] = side == Side::experiment ? "canary" : "stable";
        if (!series.config.contains("minRequests")) series.config["minRequests"] = 1;
        return series;
    }
    if (type != "prometheus") {
        return refuse(
            at + ".type",
            fmt::format("'{}' is not served: prometheus and serin/requests are", type));
    }
    SERIN_TRY(std::string text, prometheus_query(*query, reading, scope, at));
    series.config = reading.prometheus;
    series.config["query"] = json::string(text);
    series.tags = texts(query->if_contains("groupByFields"));
    return series;
}

// An object, or its text as Kayenta stores it.
Result<json::Object> canary_config_of(const json::Object& config) {
    constexpr std::string_view field = "canaryConfig";
    const json::Value* value = config.if_contains(field);
    if (value == nullptr) return refuse(field, "missing: Kayenta's canary configuration");
    if (const json::Object* object = json::object(value)) return *object;
    const auto text = json::text(value);
    if (!text) return refuse(field, "expected an object, or its JSON as text");
    const auto parsed = json::parse(*text);
    if (!parsed) return refuse(field, parsed.error().message);
    const json::Object* object = json::object(&*parsed);
    if (object == nullptr) return refuse(field, "expected an object");
    return *object;
}

Result<> read_times(const json::Object& config, AnalysisSpec& spec) {
    SERIN_TRY(const auto lifetime, read_duration(config, "lifetime"));
    if (!lifetime || *lifetime <= Duration(0))
        return refuse("lifetime", "missing: how long the canary is looked at, such as \"1h\"");
    spec.lifetime = *lifetime;
    SERIN_TRY(const auto interval, read_duration(config, "interval"));
    spec.interval = interval.value_or(spec.lifetime);
    if (spec.interval <= Duration(0) || spec.interval > spec.lifetime)
        return refuse("interval", "must be more than 0 and at most the lifetime");
    SERIN_TRY(const auto step, read_duration(config, "step"));
    spec.step = step.value_or(spec.step);
    if (spec.step < step_min || spec.step > spec.interval)
        return refuse("step", "must be at least 1s and at most the interval (default 1m)");
    if (spec.lifetime / spec.step > points_max)
        return refuse("step", fmt::format("the lifetime has more than {} of it", points_max));
    SERIN_TRY(const auto begin_after, read_duration(config, "beginAfter"));
    spec.begin_after = begin_after.value_or(Duration(0));
    SERIN_TRY(spec.lookback, read_duration(config, "lookback"));
    if (spec.lookback && *spec.lookback < spec.step)
        return refuse("lookback", "must be at least a step");
    return {};
}

Result<Thresholds> read_thresholds(const json::Object& config, Thresholds thresholds) {
    if (const json::Value* value = config.if_contains("thresholds")) {
        const json::Object* given = json::object(value);
        if (given == nullptr) return refuse("thresholds", "expected an object");
        SERIN_TRY_DO(reject_others(*given, "thresholds.", {"pass", "marginal"}));
        for (const auto& [field, to] :
             {std::pair("pass", &thresholds.pass), {"marginal", &thresholds.marginal}}) {
            if (!given->contains(field)) continue;
            const auto number = json::number(given->if_contains(field));
            if (!number || *number < 0 || *number > 100)
                return refuse(fmt::format("thresholds.{}", field), "expected 0 to 100");
            *to = *number;
        }
    }
    if (thresholds.marginal > thresholds.pass)
        return refuse("thresholds", "marginal must be at most pass");
    return thresholds;
}

Result<json::Object> read_prometheus(const json::Object& config) {
    const json::Value* provider = config.if_contains("provider");
    if (provider == nullptr) return json::Object();
    const json::Object* given = json::object(provider);
    const json::Object* prometheus = given == nullptr || given->size() != 1
                                         ? nullptr
                                         : json::object(given->if_contains("prometheus"));
    if (prometheus == nullptr) return refuse("provider", "expected {prometheus: {address: ...}}");
    for (const char* field : {"query", "rangeQuery"}) {
        if (prometheus->contains(field)) {
            return refuse(
                fmt::format("provider.prometheus.{}", field),
                "comes from the canary configuration");
        }
    }
    return *prometheus;
}

}  // namespace

Result<AnalysisSpec> AnalysisSpec::read(const json::Object& config) {
    SERIN_TRY_DO(reject_others(
        config,
        "",
        {"canaryConfig",
         "provider",
         "control",
         "experiment",
         "lifetime",
         "interval",
         "step",
         "beginAfter",
         "lookback",
         "thresholds"}));
    SERIN_TRY(const json::Object canary_config, canary_config_of(config));
    ConfigRead read = read_config(canary_config);
    if (!read.errors.empty()) {
        return refuse("canaryConfig" + read.errors.front().pointer, read.errors.front().message);
    }
    AnalysisSpec spec;
    spec.config = std::move(read.config);
    spec.warnings = std::move(read.warnings);
    SERIN_TRY_DO(read_times(config, spec));
    SERIN_TRY(
        spec.thresholds, read_thresholds(config, spec.config.thresholds.value_or(Thresholds{})));
    SERIN_TRY(const json::Object prometheus, read_prometheus(config));
    SERIN_TRY(const Scope control, read_scope(config, "control"));
    SERIN_TRY(const Scope experiment, read_scope(config, "experiment"));
    const Reading reading{
        .canary_config = canary_config, .prometheus = prometheus, .step = spec.step};
    const json::Array& metrics = canary_config.at("metrics").get_array();
    for (std::size_t i = 0; i < metrics.size(); ++i) {
        // Of those with one name the first counts.
        if (spec.config.find(spec.config.metrics[i].name) != &spec.config.metrics[i]) continue;
        const std::string at = fmt::format("canaryConfig/metrics/{}/query", i);
        for (const auto& [side, scope] :
             {std::pair(Side::control, &control), {Side::experiment, &experiment}}) {
            SERIN_TRY(
                SeriesQuery query, read_query(metrics[i].get_object(), side, *scope, reading, at));
            spec.queries.push_back(std::move(query));
        }
    }
    return spec;
}

AnalysisSpec::Window AnalysisSpec::window(Instant started, std::int64_t number) const {
    Window window{.begin = started + begin_after, .end = started + begin_after + number * interval};
    // Whole steps.
    window.end = window.begin + (window.end - window.begin) / step * step;
    if (lookback) window.begin = std::max(window.begin, window.end - *lookback / step * step);
    return window;
}

Outcome outcome_of(const Report& report, bool is_last) {
    if (report.score <= report.thresholds.marginal) return Outcome::fail;
    if (!is_last) return Outcome::go_on;
    return report.score >= report.thresholds.pass ? Outcome::pass : Outcome::inconclusive;
}

MetricSet on_grid(
    std::string metric,
    Tags tags,
    const std::vector<std::pair<Instant, double>>& points,
    const AnalysisSpec::Window& window,
    Duration step) {
    const auto ms = [](Instant at) { return static_cast<double>(at.time_since_epoch().count()); };
    MetricSet set{
        .name = std::move(metric),
        .tags = std::move(tags),
        .start_ms = ms(window.begin),
        .end_ms = ms(window.end),
        .step_ms = static_cast<double>(step.count()),
        .values = {}};
    const auto count = static_cast<std::size_t>((window.end - window.begin) / step);
    set.values.assign(count, std::numeric_limits<double>::quiet_NaN());
    for (const auto& [at, value] : points) {
        // To the nearest end of a step.
        const std::int64_t place = (at - window.begin + step / 2) / step;
        if (at < window.begin || place < 1 || place > static_cast<std::int64_t>(count)) continue;
        set.values[static_cast<std::size_t>(place - 1)] =
            std::isfinite(value) ? value : std::numeric_limits<double>::quiet_NaN();
    }
    return set;
}

}  // namespace serin::judge::kayenta
