#include "lint/verdicts.h"

#include "expr/condition.h"
#include "lint/query_facts.h"

#include <charconv>

namespace serin::lint {

namespace {

bool compiles(const std::string& condition) {
    return condition.empty() || (!condition.contains("{{") && expr::compile(condition).has_value());
}

judge::Verdict ask(const UsedMetric& metric, const json::Value& result) {
    return judge::assess_value(metric.conditions, result, Instant{});
}

json::Value as_result(const UsedMetric& metric, double value) {
    if (returned_by(metric) == Returned::number) return value;
    json::Array list;
    list.emplace_back(value);
    return list;
}

double number_of(const json::Value* value, double otherwise) {
    if (const auto number = json::number(value)) return *number;
    const auto text = json::text(value);
    double number = otherwise;
    if (text) std::from_chars(text->data(), text->data() + text->size(), number);
    return number;
}

// A query of v2 that is grouped by a tag gives a number for each group.
Returned returned_by_datadog(const json::Object& config) {
    if (json::text(config.if_contains("apiVersion")) != "v2") return Returned::number;
    const std::string queries = json::print(config);
    return queries.contains("by {") || queries.contains("by{") ? Returned::list : Returned::number;
}

Measured measured_by_requests(const json::Object& config) {
    Measured measured;
    const auto metric = json::text(config.if_contains("metric")).value_or("");
    if (metric == "success-rate") measured.quantity = Quantity::success_share;
    if (metric == "error-rate") measured.quantity = Quantity::failure_share;
    if (metric == "latency") {
        measured.quantity = Quantity::latency_seconds;
        measured.quantile = number_of(config.if_contains("quantile"), 0.95);
    }
    measured.is_relative = config.contains("relativeTo");
    const auto status = json::text(config.if_contains("statusClass")).value_or("5xx");
    if (status != "5xx") measured.quantity = Quantity::unknown;
    if (const auto window = json::text(config.if_contains("window"))) {
        const auto parsed = parse_duration(*window);
        if (parsed) measured.window = *parsed;
    }
    return measured;
}

Measured measured_by_query(const promql::Expr& expr) {
    Measured measured;
    if (const auto share = share_of(expr)) {
        measured.quantity = share->is_success ? Quantity::success_share : Quantity::failure_share;
        measured.scale = share->is_percent ? 100 : 1;
        measured.window = share->window;
        return measured;
    }
    if (expr.kind != promql::ExprKind::call || expr.name != "histogram_quantile" ||
        expr.children.size() != 2) {
        return measured;
    }
    for (const promql::Expr* selector : selectors(expr)) {
        if (selector->name.contains("seconds")) measured.quantity = Quantity::latency_seconds;
        measured.window = selector->range;
    }
    measured.quantile = expr.children.front().number;
    return measured;
}

}  // namespace

Returned returned_by(const UsedMetric& metric) {
    if (metric.provider == "serin/requests") return Returned::list;
    if (metric.provider == "graphite" || metric.provider == "influxdb") return Returned::list;
    if (metric.provider == "datadog") return returned_by_datadog(metric.config);
    if (metric.provider != "prometheus" || metric.config.contains("rangeQuery")) {
        return Returned::unknown;
    }
    return metric.expr && is_scalar(*metric.expr) ? Returned::number : Returned::list;
}

bool can_be_asked(const UsedMetric& metric) {
    const judge::Conditions& conditions = metric.conditions;
    if (conditions.success.empty() && conditions.failure.empty()) return false;
    return compiles(conditions.success) && compiles(conditions.failure);
}

judge::Phase phase_of(const UsedMetric& metric, double value) {
    return ask(metric, as_result(metric, value)).phase;
}

judge::Phase phase_of_nothing(const UsedMetric& metric) {
    return ask(metric, json::Array()).phase;
}

bool may_be_nil(const UsedMetric& metric) {
    return metric.provider == "datadog" || metric.provider == "serin/dynatrace" ||
           metric.provider == "serin/googleCloudMonitoring" || metric.provider == "serin/splunk";
}

judge::Phase phase_of_nil(const UsedMetric& metric) {
    return ask(metric, nullptr).phase;
}

std::string problem_of(const UsedMetric& metric) {
    const judge::Verdict verdict = ask(metric, as_result(metric, 0.5));
    return verdict.phase == judge::Phase::error ? verdict.reason : std::string();
}

Measured measured_by(const UsedMetric& metric) {
    if (metric.provider == "serin/requests") return measured_by_requests(metric.config);
    if (metric.provider == "prometheus" && metric.expr) return measured_by_query(*metric.expr);
    return {};
}

std::vector<double> sample_values(const UsedMetric& metric) {
    const Measured measured = measured_by(metric);
    std::vector<double> values;
    const bool is_share = measured.quantity == Quantity::success_share ||
                          measured.quantity == Quantity::failure_share;
    if (is_share && !measured.is_relative) {
        for (int i = 0; i <= 200; ++i) values.push_back(measured.scale * i / 200);
        return values;
    }
    if (measured.quantity == Quantity::latency_seconds && !measured.is_relative) {
        return {0.0001, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5,
                0.75,   1,     1.5,   2,    3,     5,    7,   10,  15,   20,  30,  60};
    }
    return {-1e12, -1e6, -100, -1,   -0.5, -0.01, 0,   1e-6, 0.001, 0.01, 0.05, 0.1, 0.5,
            0.9,   0.95, 0.99, 1,    1.1,  1.5,   2,   3,    5,     10,   50,   90,  95,
            99,    100,  500,  1000, 1e4,  1e5,   1e6, 1e8,  1e9,   1e10, 1e12, 1e15};
}

}  // namespace serin::lint
