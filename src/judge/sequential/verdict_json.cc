#include "judge/sequential/verdict_json.h"

#include <cmath>

namespace serin::judge::sequential {

namespace {

// JSON has no infinity; so much evidence is as good.
json::Value number(double value) {
    return std::isfinite(value) ? value : std::copysign(1e308, value);
}

json::Object print_arm(const ArmEstimate& arm) {
    return {
        {"requests", arm.total},
        {"events", arm.events},
        {"rate", arm.rate},
        {"low", arm.interval.low},
        {"high", arm.interval.high}};
}

json::Object print_metric(const MetricVerdict& metric) {
    json::Object object{
        {"name", json::string(metric.name)},
        {"event", json::string(metric.event)},
        {"margin", json::string(metric.margin)},
        {"eValue", number(metric.e_value)},
        {"passEValue", number(metric.pass_e_value)},
        {"safe", metric.is_safe},
        {"canary", print_arm(metric.canary)},
        {"stable", print_arm(metric.stable)}};
    if (metric.is_clustered) object["clustered"] = true;
    if (metric.is_stable_ill) object["stableBelowObjective"] = true;
    return object;
}

}  // namespace

json::Object print_verdict(const Verdict& verdict) {
    json::Array metrics;
    for (const MetricVerdict& metric : verdict.metrics) metrics.push_back(print_metric(metric));
    json::Object object{
        {"decision", json::string(to_string(verdict.decision))},
        {"rule", json::string(verdict.rule)},
        {"explanation", json::string(verdict.explanation)},
        {"index", verdict.index},
        {"t", verdict.at_s},
        {"eValue", number(verdict.e_value)},
        {"pValue", verdict.p_value},
        {"failAt", verdict.fail_at},
        {"passAt", verdict.pass_at},
        {"metrics", std::move(metrics)}};
    if (verdict.requests_to_decision) {
        object["canaryRequestsToDecision"] = number(*verdict.requests_to_decision);
    }
    if (verdict.seconds_to_decision) {
        object["secondsToDecision"] = number(*verdict.seconds_to_decision);
    }
    return object;
}

}  // namespace serin::judge::sequential
