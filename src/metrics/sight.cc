#include "metrics/sight.h"

#include "judge/sample_size.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>

namespace serin::metrics {

namespace {

namespace sequential = judge::sequential;
using judge::SequentialTest;
using statistics::Side;

// What has to be found: one failure in a hundred requests more, twice as many slow answers, a
// quarter of the conversions lost; always beyond the margin.
constexpr double more_failures = 0.01;
constexpr double more_slow = 2;
constexpr double fewer_conversions = 0.75;
constexpr double quantile_shown = 0.95;
constexpr double quantile_share = 0.2;  // Of a latency metric's alpha, where all of it is compared.

std::string words_of(double seconds) {
    constexpr double day = 86'400;
    if (seconds >= 100 * day) return "more than 100 days";
    const auto whole = std::chrono::seconds(std::max<std::int64_t>(std::llround(seconds), 1));
    return format_duration(std::chrono::duration_cast<Duration>(whole));
}

struct Seen {
    const sequential::MetricSpec& metric;
    double stable_rate = 0;  // Of the event; a guess where there is little.
    SequentialTest test;
};

// Stable's share of the event, and the canary's that has to be found.
struct Fault {
    judge::Effect effect;
    std::string words;
    bool is_bound = false;  // `base` is the bound.
};

Fault fault_of_rate(const Seen& seen) {
    const sequential::MetricSpec& metric = seen.metric;
    if (metric.bound) {
        const double bad = *metric.bound + more_failures;
        return {
            .effect = {.base = *metric.bound, .canary = bad},
            .words = fmt::format(
                "{:.3g} % of failures where {:.3g} % are allowed", 100 * bad, 100 * *metric.bound),
            .is_bound = true};
    }
    const double base = seen.stable_rate;
    const double tolerated = metric.margin.ratio * base + metric.margin.difference;
    const double bad = std::max(base, tolerated) + more_failures;
    return {
        .effect = {.base = base, .canary = bad},
        .words =
            fmt::format("{:.3g} % of failures where stable has {:.3g} %", 100 * bad, 100 * base)};
}

// Of all thresholds p95 is told of: lower ones need fewer requests, higher ones more.
Fault fault_of_latency(const Seen& seen) {
    const sequential::MetricSpec& metric = seen.metric;
    const double slow = metric.bound.value_or(1 - metric.quantile.value_or(quantile_shown));
    const double bad = more_slow * slow;
    const std::string limit = metric.bound ? fmt::format("{:.4g} ms", metric.limit_ms)
                                           : fmt::format(
                                                 "{:.3g} times stable's p{:.4g}",
                                                 metric.margin.ratio,
                                                 100 * metric.quantile.value_or(quantile_shown));
    return {
        .effect = {.base = slow, .canary = bad},
        .words = fmt::format(
            "{:.3g} % of answers slower than {} where {:.3g} % are allowed",
            100 * bad,
            limit,
            100 * slow),
        .is_bound = metric.bound.has_value()};
}

Fault fault_of_business(const Seen& seen) {
    const sequential::MetricSpec& metric = seen.metric;
    const double base = metric.bound.value_or(seen.stable_rate);
    const double tolerated =
        metric.bound ? base : metric.margin.ratio * base - metric.margin.difference;
    const double bad = fewer_conversions * tolerated;
    return {
        .effect = {.base = base, .canary = bad},
        .words = fmt::format(
            "{:.3g} % of conversions where {} {:.3g} %{}",
            100 * bad,
            metric.bound ? "at least" : "stable has",
            100 * base,
            metric.bound ? " are wanted" : ""),
        .is_bound = metric.bound.has_value()};
}

Fault fault_of(const Seen& seen) {
    switch (seen.metric.subject) {
        case sequential::Subject::errors:
            return fault_of_rate(seen);
        case sequential::Subject::latency:
            return fault_of_latency(seen);
        case sequential::Subject::conversions:
            return fault_of_business(seen);
    }
    return {};
}

SequentialTest test_of(const sequential::Spec& spec, const sequential::MetricSpec& metric) {
    SequentialTest test{.alpha = spec.alpha * metric.share};
    if (metric.bound) return test;
    const bool is_latency = metric.subject == sequential::Subject::latency;
    // The margin of latency is in its limit.
    if (is_latency) {
        if (!metric.quantile) test.alpha *= quantile_share;
        test.null = {.ratio = 1, .difference = 0, .side = Side::above};
        return test;
    }
    const bool few_are_harm = metric.subject == sequential::Subject::conversions;
    test.null = {
        .ratio = metric.margin.ratio,
        .difference = few_are_harm ? -metric.margin.difference : metric.margin.difference,
        .side = few_are_harm ? Side::below : Side::above};
    return test;
}

std::optional<Sight> sight_of(
    const sequential::Spec& spec, std::size_t index, const sequential::State& state) {
    constexpr double rate_max = 0.98;
    const sequential::MetricSpec& metric = spec.metrics[index];
    const sequential::ArmCounts& counts = state.metrics[index].step;
    const double lasted_s = state.now_s - state.step_started_s;
    if (lasted_s <= 0 || counts.canary.total == 0) return std::nullopt;
    if (!metric.bound && counts.stable.total == 0) return std::nullopt;
    const auto canary = static_cast<double>(counts.canary.total);
    const auto stable = static_cast<double>(counts.stable.total);
    const double rate = (static_cast<double>(counts.stable.events) + 0.5) / (stable + 1);
    const Seen seen{.metric = metric, .stable_rate = rate, .test = test_of(spec, metric)};
    Fault fault = fault_of(seen);
    const judge::Effect effect = fault.effect;
    const bool is_possible =
        0 < effect.canary && effect.canary < rate_max && 0 < effect.base && effect.base < 1;
    if (!is_possible) return std::nullopt;
    return Sight{
        .weight = canary / (canary + stable),
        .per_second = (canary + stable) / lasted_s,
        .fault = std::move(fault.words),
        .size = [effect, test = seen.test, is_bound = fault.is_bound](double weight) {
            if (is_bound) return judge::bound_size(effect.base, effect.canary, test);
            return judge::sequential_size(effect, weight, test)
                .value_or(std::numeric_limits<double>::infinity());
        }};
}

}  // namespace

std::vector<Sight> sights_of(const sequential::Spec& spec, const sequential::State& state) {
    std::vector<Sight> sights;
    for (std::size_t i = 0; i < spec.metrics.size(); ++i) {
        if (auto sight = sight_of(spec, i, state)) sights.push_back(std::move(*sight));
    }
    return sights;
}

std::string describe_blindness(const Sight& sight, Duration time) {
    constexpr double weight_max = 0.5;
    const double needed = sight.size(sight.weight);
    const double seconds = std::chrono::duration<double>(time).count();
    const double a_second = sight.weight * sight.per_second;
    if (needed <= a_second * seconds) return "";
    std::optional<double> weight;
    if (sight.weight < weight_max) {
        weight = judge::smallest_weight(
            {.per_second = sight.per_second, .step_s = seconds},
            sight.weight,
            weight_max,
            sight.size);
    }
    const std::string enough =
        weight ? fmt::format("raise the weight (to {:.0f} %)", std::ceil(100 * *weight))
               : std::string("no weight suffices");
    return fmt::format(
        "the traffic is too low to see what is guarded against: {:.3g} requests a second at a "
        "weight of {:.3g} % are about {:.0f} canary requests in {}, but it takes {:.0f} ({}) to "
        "find {}: {}, give it more time or send synthetic requests",
        sight.per_second,
        100 * sight.weight,
        a_second * seconds,
        format_duration(time),
        needed,
        words_of(needed / a_second),
        sight.fault,
        enough);
}

std::string describe_blindness(const std::vector<Sight>& sights, Duration time) {
    std::string text;
    for (const Sight& sight : sights) {
        const std::string one = describe_blindness(sight, time);
        if (one.empty()) continue;
        text += text.empty() ? one : "; " + one;
    }
    return text;
}

}  // namespace serin::metrics
