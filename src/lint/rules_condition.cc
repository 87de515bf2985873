#include "expr/condition.h"
#include "lint/families.h"
#include "lint/verdicts.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

namespace serin::lint {

using judge::Phase;

namespace {

constexpr std::string_view objectives_annotation = "serin.dev/objectives";

// False when a condition was reported.
bool check_reading(const Context& context, const UsedMetric& metric) {
    bool is_sound = true;
    for (const auto& [field, condition] :
         {std::pair{"/successCondition", metric.conditions.success},
          std::pair{"/failureCondition", metric.conditions.failure}}) {
        if (condition.empty() || condition.contains("{{")) continue;
        const auto compiled = expr::compile(condition);
        if (!compiled || compiled->reads_result()) continue;
        context.reporter.add(
            "condition-ignores-result",
            *metric.source,
            metric.pointer + field,
            "does not look at `result`, so it says the same whatever is measured",
            "write, say, result[0] >= 0.99");
        is_sound = false;
    }
    return is_sound;
}

std::string field_of(const UsedMetric& metric) {
    return metric.pointer +
           (metric.conditions.success.empty() ? "/failureCondition" : "/successCondition");
}

void check_nil(const Context& context, const UsedMetric& metric) {
    if (!may_be_nil(metric) || !can_be_asked(metric)) return;
    if (phase_of_nil(metric) != Phase::error) return;
    context.reporter.add(
        "result-may-be-empty",
        *metric.source,
        field_of(metric),
        "without data the result is nil, and the measurement an error",
        "say what no data means: default(result, 0)");
}

// Whether the conditions can tell good from bad at all.
void check_values(const Context& context, const Use& use, const UsedMetric& metric) {
    const std::string at = field_of(metric);
    if (std::string problem = problem_of(metric); !problem.empty()) {
        return context.reporter.add(
            "condition-shape",
            *metric.source,
            at,
            "cannot judge what is measured: " + std::move(problem),
            returned_by(metric) == Returned::list ? "the result is a list: write result[0]"
                                                  : "the result is a number: write result");
    }
    std::set<Phase> seen;
    std::optional<double> undecided;
    for (const double value : sample_values(metric)) {
        const Phase phase = phase_of(metric, value);
        seen.insert(phase);
        if (phase == Phase::inconclusive && !undecided) undecided = value;
    }
    const bool is_share = measured_by(metric).quantity == Quantity::success_share ||
                          measured_by(metric).quantity == Quantity::failure_share;
    const bool is_latency = measured_by(metric).quantity == Quantity::latency_seconds;
    const std::string range = is_share ? " a share can have" : is_latency ? " up to a minute" : "";
    const std::string advice = is_share     ? "shares go from 0 to 1"
                               : is_latency ? "latencies are in seconds"
                                            : "correct the threshold";
    if (seen == std::set{Phase::successful}) {
        context.reporter.add(
            "always-passes", *metric.source, at, "passes for every value" + range, advice);
    } else if (!seen.contains(Phase::successful) && !undecided) {
        context.reporter.add(
            "never-passes", *metric.source, at, "passes for no value" + range, advice);
    }
    if (!undecided) return;
    const bool is_automatic =
        use.rollout &&
        use.rollout->object.annotation("serin.dev/automation").value_or("") == "full";
    context.reporter.add(
        "gap-between-conditions",
        *metric.source,
        at,
        fmt::format(
            "values such as {:g} neither pass nor fail, and hold the release for a person",
            *undecided),
        "give one condition only, or let them meet",
        is_automatic ? std::nullopt : std::optional(Level::info));
}

struct Objective {
    Quantity quantity = Quantity::unknown;
    double quantile = 0;
    double bound = 0;
    std::string text;
};

std::optional<double> number(std::string_view text) {
    double value = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failure != std::errc()) return std::nullopt;
    const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    if (unit.empty()) return value;
    if (unit == "%") return value / 100;
    const auto duration = parse_duration(text);
    if (!duration) return std::nullopt;
    return std::chrono::duration<double>(*duration).count();
}

// "success-rate >= 99%, p95 <= 500ms".
std::vector<Objective> read_objectives(std::string_view text) {
    std::vector<Objective> out;
    while (!text.empty()) {
        const std::string_view item = text.substr(0, text.find(','));
        text.remove_prefix(std::min(item.size() + 1, text.size()));
        const auto op = item.find_first_of("<>");
        if (op == item.npos) continue;
        std::string name(item.substr(0, op));
        std::erase(name, ' ');
        std::string bound(item.substr(op));
        std::erase_if(bound, [](char c) { return c == ' ' || c == '<' || c == '>' || c == '='; });
        const auto value = number(bound);
        if (!value) continue;
        Objective one{.bound = *value, .text = std::string(item)};
        while (one.text.starts_with(' ')) one.text.erase(0, 1);
        if (name == "success-rate") one.quantity = Quantity::success_share;
        if (name == "error-rate") one.quantity = Quantity::failure_share;
        if (name.starts_with('p')) {
            one.quantity = Quantity::latency_seconds;
            one.quantile = number(name.substr(1)).value_or(0) / 100;
        }
        out.push_back(std::move(one));
    }
    return out;
}

// A value that the objective forbids only just.
std::optional<double> just_worse(const Objective& objective, const Measured& measured) {
    constexpr double step = 1e-6;
    if (measured.is_relative) return std::nullopt;
    if (objective.quantity == Quantity::latency_seconds) {
        const bool is_same = measured.quantity == Quantity::latency_seconds &&
                             std::abs(measured.quantile - objective.quantile) < 1e-9;
        return is_same ? std::optional(objective.bound * (1 + step)) : std::nullopt;
    }
    const bool is_share = measured.quantity == Quantity::success_share ||
                          measured.quantity == Quantity::failure_share;
    if (!is_share || objective.quantity == Quantity::unknown) return std::nullopt;
    const double failures = objective.quantity == Quantity::failure_share
                                ? objective.bound + step
                                : 1 - objective.bound + step;
    const double value = measured.quantity == Quantity::failure_share ? failures : 1 - failures;
    return value * measured.scale;
}

void check_objectives(const Context& context, const Use& use, const UsedMetric& metric) {
    std::string stated;
    for (const Source* source : {use.rollout, metric.source}) {
        if (source && stated.empty()) {
            stated = source->object.annotation(objectives_annotation).value_or("");
        }
    }
    for (const Objective& objective : read_objectives(stated)) {
        const auto worse = just_worse(objective, measured_by(metric));
        if (!worse || phase_of(metric, *worse) != Phase::successful) continue;
        context.reporter.add(
            "looser-than-objective",
            *metric.source,
            field_of(metric),
            fmt::format("passes what the objective '{}' forbids", objective.text),
            "tighten it, or correct the objective");
    }
}

}  // namespace

void check_conditions(const Context& context) {
    for (const Use& use : context.uses) {
        for (const UsedMetric& metric : use.metrics) {
            if (metric.provider == "job" || metric.provider == "kayenta" ||
                judges_by_itself(metric)) {
                continue;
            }
            if (!check_reading(context, metric)) continue;
            check_nil(context, metric);
            if (!can_be_asked(metric) || returned_by(metric) == Returned::unknown) continue;
            check_values(context, use, metric);
            check_objectives(context, use, metric);
        }
    }
}

}  // namespace serin::lint
