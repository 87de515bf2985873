#include "control/analysis_spec.h"

#include "expr/pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

namespace serin::control {

namespace {

std::unexpected<Error> refuse(std::string message) {
    return fail(ErrorKind::invalid, std::move(message));
}

// Counts may be written as text, since arguments fill in text.
Result<std::int64_t> read_count(
    const json::Object& metric, std::string_view field, std::int64_t otherwise) {
    const json::Value* value = metric.if_contains(field);
    if (value == nullptr || value->is_null()) return otherwise;
    if (const auto number = json::integer(value)) return *number;
    if (const auto text = json::text(value)) {
        std::int64_t number = 0;
        const char* end = text->data() + text->size();
        const auto [stopped, problem] = std::from_chars(text->data(), end, number);
        if (problem == std::errc() && stopped == end) return number;
    }
    return refuse(fmt::format("{} must be an integer", field));
}

Result<std::optional<Duration>> read_duration(const json::Object& metric, std::string_view field) {
    const auto text = json::text(metric.if_contains(field));
    if (!text || text->empty()) return std::nullopt;
    auto duration = parse_duration(*text);
    if (!duration) {
        return refuse(
            fmt::format("invalid {} string: {}", field, std::move(duration).error().message));
    }
    return *duration;
}

Result<judge::MetricRule> read_rule(const json::Object& metric) {
    judge::MetricRule rule;
    rule.name = json::text(metric.if_contains("name")).value_or("");
    if (rule.name.empty()) return refuse("name is missing");
    SERIN_TRY(rule.interval, read_duration(metric, "interval"));
    SERIN_TRY(const auto delay, read_duration(metric, "initialDelay"));
    rule.initial_delay = delay.value_or(Duration(0));
    SERIN_TRY(rule.count, read_count(metric, "count", 0));
    SERIN_TRY(rule.failure_limit, read_count(metric, "failureLimit", 0));
    SERIN_TRY(rule.inconclusive_limit, read_count(metric, "inconclusiveLimit", 0));
    SERIN_TRY(rule.consecutive_error_limit, read_count(metric, "consecutiveErrorLimit", 4));
    SERIN_TRY(rule.consecutive_success_limit, read_count(metric, "consecutiveSuccessLimit", 0));
    SERIN_TRY_DO(judge::check(rule));
    return rule;
}

Result<ProviderSpec> read_provider(const json::Object& metric) {
    const json::Object* provider = json::object(metric.if_contains("provider"));
    if (provider == nullptr || provider->empty()) return refuse("no provider specified");
    if (provider->size() > 1) return refuse("multiple providers specified");
    ProviderSpec spec;
    spec.name = provider->begin()->key();
    const json::Value* config = &provider->begin()->value();
    if (spec.name == "plugin") {
        const json::Object* plugins = json::object(config);
        if (plugins == nullptr || plugins->empty()) return refuse("no plugin specified");
        if (plugins->size() > 1) return refuse("multiple providers specified");
        spec.name = plugins->begin()->key();
        spec.is_plugin = true;
        config = &plugins->begin()->value();
    }
    if (const json::Object* fields = json::object(config)) spec.config = *fields;
    return spec;
}

// Calls `apply` with each metric whose name a rule of `field` matches, anywhere in the name.
template <class Apply>
Result<> match_rules(
    const Object& run,
    std::string_view field,
    std::vector<judge::MetricRule>& metrics,
    Apply apply) {
    const json::Array* rules = json::array(run.find(fmt::format("/spec/{}", field)));
    if (rules == nullptr) return {};
    for (std::size_t i = 0; i < rules->size(); ++i) {
        const json::Object* rule = json::object(&(*rules)[i]);
        const auto text =
            rule == nullptr ? std::nullopt : json::text(rule->if_contains("metricName"));
        if (!text) return refuse(fmt::format("{}[{}]: metricName is missing", field, i));
        const auto pattern = expr::compile_pattern(std::string(*text));
        if (!pattern) return refuse(fmt::format("{}[{}]: {}", field, i, pattern.error().message));
        bool is_matched = false;
        for (judge::MetricRule& metric : metrics) {
            if (!expr::matches(**pattern, metric.name)) continue;
            is_matched = true;
            apply(metric, *rule);
        }
        if (!is_matched)
            return refuse(fmt::format("{}[{}]: Rule didn't match any metric name(s)", field, i));
    }
    return {};
}

std::optional<Duration> seconds(const Object& run, std::string_view field) {
    const json::Value* value = run.find(fmt::format("/spec/ttlStrategy/{}", field));
    const auto number = json::integer(value);
    if (!number) return std::nullopt;
    return std::chrono::seconds(*number);
}

Result<> read_metric(AnalysisSpec& spec, const json::Value& filled, std::set<std::string>& names) {
    const json::Object* metric = json::object(&filled);
    if (metric == nullptr) return refuse("not an object");
    SERIN_TRY(judge::MetricRule rule, read_rule(*metric));
    if (!names.insert(rule.name).second)
        return refuse(fmt::format("duplicate name '{}'", rule.name));
    SERIN_TRY(ProviderSpec provider, read_provider(*metric));
    spec.metrics.push_back(
        {.conditions =
             {.success =
                  std::string(json::text(metric->if_contains("successCondition")).value_or("")),
              .failure =
                  std::string(json::text(metric->if_contains("failureCondition")).value_or(""))},
         .provider = std::move(provider)});
    spec.rule.metrics.push_back(std::move(rule));
    return {};
}

}  // namespace

Result<AnalysisSpec> AnalysisSpec::read(const Object& run, const AnalysisArguments& arguments) {
    constexpr std::string_view unresolved = "Unable to resolve metric arguments";
    constexpr std::string_view invalid = "Analysis spec invalid";
    AnalysisSpec spec;
    spec.rule.is_terminated = run.boolean("/spec/terminate");
    const json::Array* metrics = json::array(run.find("/spec/metrics"));
    if (metrics == nullptr || metrics->empty())
        return refuse(fmt::format("{}: no metrics specified", invalid));
    std::set<std::string> names;
    for (std::size_t i = 0; i < metrics->size(); ++i) {
        auto filled = arguments.fill_in((*metrics)[i]);
        if (!filled) return std::unexpected(std::move(filled).error().within(unresolved));
        auto read = read_metric(spec, *filled, names);
        if (!read) {
            return std::unexpected(
                std::move(read).error().within(fmt::format("{}: metrics[{}]", invalid, i)));
        }
    }
    SERIN_TRY_DO(match_rules(run, "dryRun", spec.rule.metrics, [](auto& metric, const auto&) {
        metric.is_dry_run = true;
    }));
    SERIN_TRY_DO(match_rules(
        run, "measurementRetention", spec.rule.metrics, [](auto& metric, const auto& rule) {
            const auto limit = json::integer(rule.if_contains("limit")).value_or(0);
            if (limit > 0) metric.measurements_kept = static_cast<std::size_t>(limit);
        }));
    return spec;
}

judge::TimeToLive read_time_to_live(const Object& run) {
    return {
        .after_completion = seconds(run, "secondsAfterCompletion"),
        .after_failure = seconds(run, "secondsAfterFailure"),
        .after_success = seconds(run, "secondsAfterSuccess")};
}

const AnalysisMetric* AnalysisSpec::find(std::string_view metric) const {
    const auto found = std::ranges::find(rule.metrics, metric, &judge::MetricRule::name);
    if (found == rule.metrics.end()) return nullptr;
    return &metrics[static_cast<std::size_t>(found - rule.metrics.begin())];
}

}  // namespace serin::control
