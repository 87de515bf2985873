#include "lint/families.h"
#include "lint/gate.h"
#include "lint/timeline.h"
#include "lint/verdicts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace serin::lint {

using judge::Phase;

namespace {

constexpr double misses_too_often = 0.90;  // Stopped less often than this.
constexpr double trips_too_often = 0.05;
constexpr double requests_for_a_share = 30;
constexpr Duration requests_timeout{60'000};
constexpr std::int64_t requests_min_default = 30;

// The threshold of a condition over [0, scale], found by asking it; empty when there is none, or
// more than one.
std::optional<Gate> threshold_of(const UsedMetric& metric, double scale) {
    const auto fails = [&](double value) { return phase_of(metric, value) == Phase::failed; };
    constexpr int points = 200;
    int changes = 0;
    double low = 0;
    double high = 0;
    for (int i = 1; i <= points; ++i) {
        const double before = scale * (i - 1) / points;
        const double here = scale * i / points;
        if (fails(before) == fails(here)) continue;
        ++changes;
        low = before;
        high = here;
    }
    if (changes != 1) return std::nullopt;
    Gate gate{.scale = scale, .fails_below = fails(low)};
    // Down to neighbouring numbers: a share may be exactly the threshold.
    while (true) {
        const double middle = low + (high - low) / 2;
        if (middle <= low || middle >= high) break;
        (fails(middle) == gate.fails_below ? low : high) = middle;
    }
    gate.edge = gate.fails_below ? low : high;
    return gate;
}

// The metric at every place of one Rollout that uses it.
struct Guarded {
    const UsedMetric* metric = nullptr;
    std::vector<const Use*> uses;
};

class GateRules {
public:
    GateRules(const Context& context, const Source& rollout)
        : context_(context),
          rollout_(rollout),
          timeline_(timeline_of(rollout, context.uses)),
          traffic_(*context.options.traffic) {
        int weight = 0;
        for (const Stage& stage : timeline_.stages) {
            if (stage.kind != "setWeight") continue;
            weight = stage.weight;
            exposures_.push_back({.at = stage.start, .requests_per_second = share(weight)});
        }
    }

    void check() {
        if (exposures_.empty()) return;
        std::vector<Guarded> all;
        for (const Use& use : context_.uses) {
            if (use.rollout != &rollout_) continue;
            for (const UsedMetric& metric : use.metrics) {
                const auto same = std::ranges::find_if(all, [&](const Guarded& one) {
                    return one.metric->source == metric.source &&
                           one.metric->pointer == metric.pointer;
                });
                if (same == all.end()) {
                    all.push_back({.metric = &metric, .uses = {&use}});
                } else {
                    same->uses.push_back(&use);
                }
            }
        }
        for (const Guarded& one : all) check_metric(one);
    }

private:
    double share(int weight) const { return traffic_ * weight / timeline_.weight_max; }

    void add(
        std::string_view rule,
        const UsedMetric& metric,
        std::string message,
        std::string suggestion = {}) {
        const std::string field =
            metric.conditions.success.empty() ? "/failureCondition" : "/successCondition";
        context_.reporter.add(
            rule,
            *metric.source,
            metric.pointer + field,
            std::move(message),
            std::move(suggestion));
    }

    static std::int64_t requests_min(const UsedMetric& metric) {
        if (metric.provider != "serin/requests") return 1;
        const manifest::Part given = manifest::Part(metric.config)["minRequests"];
        return read_count(given).value_or(requests_min_default);
    }

    // The lowest weight that the metric judges decides whether there is enough to judge.
    void check_enough(const Guarded& guarded, const Measured& measured) {
        const UsedMetric& metric = *guarded.metric;
        int lowest = timeline_.weight_max;
        for (const Use* use : guarded.uses) {
            const std::size_t step = std::min(use->step, timeline_.stages.size() - 1);
            const Stage& stage = timeline_.stages[step];
            if (stage.weight > 0) lowest = std::min(lowest, stage.weight);
        }
        const bool is_ours = metric.provider == "serin/requests";
        const Duration span = measured.window.value_or(
            is_ours ? requests_timeout + metric.rule.initial_delay
                    : metric.rule.interval.value_or(Duration(0)));
        if (span <= Duration(0)) return;
        const double seen = share(lowest) * std::chrono::duration<double>(span).count();
        const double needed =
            is_ours ? static_cast<double>(requests_min(metric)) : requests_for_a_share;
        if (seen >= needed) return;
        add("too-few-requests",
            metric,
            fmt::format(
                "at {} % of {:.4g} requests per second there are {:.1f} in {}, and {} are needed{}",
                lowest,
                traffic_,
                seen,
                short_duration(span),
                needed,
                is_ours ? "" : " for a share to mean anything"),
            "raise the weight or the window");
    }

    void check_metric(const Guarded& guarded) {
        const UsedMetric& metric = *guarded.metric;
        const Measured measured = measured_by(metric);
        const bool is_success = measured.quantity == Quantity::success_share;
        if (!is_success && measured.quantity != Quantity::failure_share) return;
        if (measured.is_relative || metric.rule.is_dry_run || !can_be_asked(metric) ||
            metric.rule.consecutive_success_limit > 0) {
            return;
        }
        check_enough(guarded, measured);
        std::optional<Gate> gate = threshold_of(metric, measured.scale);
        if (!gate) return;
        const bool is_ours = metric.provider == "serin/requests";
        gate->interval = metric.rule.interval.value_or(Duration(1000));
        gate->initial_delay = metric.rule.initial_delay;
        gate->count = judge::effective_count(metric.rule);
        gate->failure_limit = metric.rule.failure_limit;
        gate->window = measured.window;
        gate->sees_before_watch = !is_ours;
        gate->is_success_share = is_success;
        gate->requests_min = requests_min(metric);
        gate->looks_early = is_ours;
        if (!is_ours && !gate->window) return;  // How far back it looks is not known.
        report(guarded, *gate);
    }

    void report(const Guarded& guarded, const Gate& gate) {
        std::vector<Watch> watches;
        for (const Use* use : guarded.uses) {
            const Span span = span_of(*use, timeline_);
            const bool ends_with_release = use->moment == Moment::background;
            watches.push_back(
                {.start = span.start,
                 .end =
                     ends_with_release ? std::optional(span.start + span.length) : std::nullopt});
        }
        const LintOptions& options = context_.options;
        const Odds bad = odds_of_stopping(gate, exposures_, watches, options.bad_failures);
        const Odds healthy = odds_of_stopping(gate, exposures_, watches, options.healthy_failures);
        const UsedMetric& metric = *guarded.metric;
        const std::string about = fmt::format(
            "at {:.4g} requests per second '{}' stops a release of Rollout {}",
            traffic_,
            metric.rule.name,
            rollout_.object.name());
        const auto percent = [](double chance) { return std::round(100 * chance); };
        add("gate",
            metric,
            fmt::format(
                "{} with {:g} % failures in {} of 100 cases{}, and one with {:g} % in {}; it "
                "aborts at failed measurement number {} in all, not in a row",
                about,
                100 * options.bad_failures,
                percent(bad.stopped),
                bad.earliest ? ", after " + short_duration(*bad.earliest) + " at the soonest" : "",
                100 * options.healthy_failures,
                percent(healthy.stopped),
                gate.failure_limit + 1));
        if (bad.stopped < misses_too_often) {
            add("gate-misses",
                metric,
                fmt::format(
                    "{} with {:g} % failures in only {} of 100 cases",
                    about,
                    100 * options.bad_failures,
                    percent(bad.stopped)),
                "move the threshold away from that share, lower failureLimit or measure longer");
        }
        if (healthy.stopped <= trips_too_often) return;
        add("gate-trips",
            metric,
            fmt::format(
                "{} that is healthy, with {:g} % failures, in {} of 100 cases",
                about,
                100 * options.healthy_failures,
                percent(healthy.stopped)),
            "loosen the threshold, raise failureLimit, or judge more requests at a time");
    }

    const Context& context_;
    const Source& rollout_;
    Timeline timeline_;
    double traffic_;
    std::vector<Exposure> exposures_;
};

}  // namespace

void check_gates(const Context& context) {
    if (!context.options.traffic || *context.options.traffic <= 0) return;
    for (const Source* rollout : context.sources.of_kind("Rollout")) {
        GateRules(context, *rollout).check();
    }
}

}  // namespace serin::lint
