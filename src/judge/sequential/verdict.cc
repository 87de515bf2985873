#include "judge/sequential/judge.h"
#include "statistics/divergence.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

// What a state says, in numbers and words.

namespace serin::judge::sequential {

namespace {

constexpr double interval_alpha = 0.05;

std::string percent(double rate) {
    return fmt::format("{:.3g} %", 100 * rate);
}

std::string points(double difference) {
    return fmt::format("{:.3g} points", 100 * difference);
}

std::string describe_margin(const MetricSpec& spec) {
    const Margin& margin = spec.margin;
    if (spec.bound) {
        const bool few = spec.subject == Subject::conversions;
        return fmt::format("{} {}", few ? "at least" : "at most", percent(*spec.bound));
    }
    if (spec.subject == Subject::latency) {
        return fmt::format("up to {:.3g} times as slow as stable", margin.ratio);
    }
    if (margin.ratio == 1 && margin.difference == 0) return "as stable";
    const char sign = spec.subject == Subject::conversions ? '-' : '+';
    std::string text = fmt::format("{:.3g} x stable", margin.ratio);
    if (margin.difference != 0) text += fmt::format(" {} {}", sign, points(margin.difference));
    return text;
}

std::string describe_event(const MetricState& state, const MetricSpec& spec) {
    if (spec.subject == Subject::errors) return "failed";
    if (spec.subject == Subject::conversions) return "converted";
    if (spec.bound) return fmt::format("took over {:.4g} ms", spec.limit_ms);
    const auto* latency = std::get_if<LatencyState>(&state.test);
    const double limit = latency == nullptr ? 0 : display_limit(*latency, spec);
    return limit > 0 ? fmt::format("took over {:.4g} ms", limit) : "were slow";
}

ArmEstimate estimate(const Count& count) {
    ArmEstimate arm{.total = count.total, .events = count.events};
    if (count.total == 0) return arm;
    arm.rate = static_cast<double>(count.events) / static_cast<double>(count.total);
    arm.interval = statistics::rate_interval(count.events, count.total, interval_alpha);
    return arm;
}

// An estimate that is never quite 0 or 1.
double cautious_rate(const Count& count) {
    return (static_cast<double>(count.events) + 0.5) / (static_cast<double>(count.total) + 1);
}

std::string compare(const MetricVerdict& metric) {
    const auto arm = [](const ArmEstimate& of) {
        return fmt::format("{} ({} of {})", percent(of.rate), of.events, of.total);
    };
    std::string text = fmt::format(
        "{}: {} of the canary's requests {}", metric.name, arm(metric.canary), metric.event);
    if (metric.stable.total > 0) text += fmt::format(", {} of stable's", arm(metric.stable));
    return text + fmt::format("; tolerated is {}", metric.margin);
}

// How many canary requests until one of the metric's tests has its say, if its rates stay.
struct Outlook {
    std::optional<double> harm;
    std::optional<double> safety;
};

std::optional<double> requests_for(double missing, double growth) {
    if (missing <= 0) return 0;
    if (growth <= 0) return std::nullopt;
    return missing / growth;
}

Outlook outlook(
    const RateState& test,
    const MetricState& state,
    const MetricBets& bets,
    double ln_fail,
    double ln_pass) {
    const ArmCounts& step = state.step;
    if (step.canary.total == 0 || step.stable.total == 0) return {};
    const statistics::Rates truth{
        .canary = cautious_rate(step.canary), .stable = cautious_rate(step.stable)};
    const double weight = static_cast<double>(step.canary.total) /
                          static_cast<double>(step.canary.total + step.stable.total);
    const auto rate = statistics::to_step(test.baseline.rate());
    statistics::Bets safety = bets.safety;
    safety.null.difference = test.safety_difference;
    const auto growth = [&](const statistics::Bets& of) {
        return statistics::growth(of, rate, test.harm.origin, truth, weight);
    };
    return {
        .harm = requests_for(ln_fail - test.harm.ln_value(bets.harm), growth(bets.harm)),
        .safety = test.safety.ln_peak >= ln_pass
                      ? 0
                      : requests_for(ln_pass - test.safety.ln_value(safety), growth(safety))};
}

Outlook outlook(
    const BoundState& test,
    const MetricState& state,
    const MetricBets& bets,
    double ln_fail,
    double ln_pass) {
    if (state.step.canary.total == 0) return {};
    const double rate = cautious_rate(state.step.canary);
    const auto growth = [&](const statistics::BoundBets& of) {
        double best = statistics::ln_zero;
        for (std::size_t i = 0; i < of.points; ++i) {
            best = std::max(best, rate * of.ln_event[i] + (1 - rate) * of.ln_none[i]);
        }
        return best;
    };
    return {
        .harm =
            requests_for(ln_fail - test.harm.ln_value(bets.bound_harm), growth(bets.bound_harm)),
        .safety = test.safety.ln_peak >= ln_pass
                      ? 0
                      : requests_for(
                            ln_pass - test.safety.ln_value(bets.bound_safety),
                            growth(bets.bound_safety))};
}

// By the evidence so far: its growth a request is what the state itself shows.
Outlook outlook(
    const LatencyState& test, const MetricState& state, const MetricBets&, double, double ln_pass) {
    const auto seen = static_cast<double>(state.step.canary.total);
    if (seen == 0) return {};
    double slowest = 0;
    for (const auto& safety : test.safety) {
        if (safety.ln_peak >= ln_pass) continue;
        const double ln = *std::max_element(safety.ln_wealth.begin(), safety.ln_wealth.end());
        if (safety.ln_wealth == std::array<double, 3>{}) continue;  // Not in use, or not begun.
        if (ln <= 0) return {};
        slowest = std::max(slowest, (ln_pass - ln) / (ln / seen));
    }
    return {.harm = std::nullopt, .safety = slowest};
}

void estimate_decision(Verdict& verdict, const State& state, const std::vector<Outlook>& outlooks) {
    std::optional<double> pass = 0;
    std::optional<double> harm;
    for (const Outlook& of : outlooks) {
        if (of.harm && (!harm || *of.harm < *harm)) harm = of.harm;
        if (!of.safety) pass.reset();
        if (pass) pass = std::max(*pass, *of.safety);
    }
    if (verdict.decision == Decision::hold) pass.reset();
    const auto& nearest = pass && (!harm || *pass < *harm) ? pass : harm;
    if (!nearest) return;
    verdict.requests_to_decision = std::ceil(*nearest);
    const double lasted_s = state.now_s - state.step_started_s;
    const auto seen = static_cast<double>(state.metrics[0].step.canary.total);
    if (lasted_s > 0 && seen > 0) verdict.seconds_to_decision = *nearest * lasted_s / seen;
}

const MetricVerdict& blamed(const Verdict& verdict, const Spec& spec) {
    std::size_t worst = 0;
    for (std::size_t i = 1; i < verdict.metrics.size(); ++i) {
        const auto weighed = [&](std::size_t metric) {
            return spec.metrics[metric].share * verdict.metrics[metric].e_value;
        };
        if (weighed(i) > weighed(worst)) worst = i;
    }
    return verdict.metrics[worst];
}

std::string list_unsafe(const Verdict& verdict) {
    std::string names;
    for (const MetricVerdict& metric : verdict.metrics) {
        if (metric.is_safe) continue;
        names += fmt::format(
            "{}{} ({} canary requests, evidence {:.3g} of {:.3g})",
            names.empty() ? "" : ", ",
            metric.name,
            metric.canary.total,
            metric.pass_e_value,
            verdict.pass_at);
    }
    return names;
}

void explain(Verdict& verdict, const State& state, const Spec& spec) {
    const auto ill = std::find_if(
        verdict.metrics.begin(), verdict.metrics.end(), [](const MetricVerdict& metric) {
            return metric.is_stable_ill;
        });
    switch (verdict.decision) {
        case Decision::fail:
            verdict.rule = state.ended && state.ended->is_catastrophe ? "catastrophe" : "harm";
            verdict.explanation = fmt::format(
                "the canary is worse than the margin allows. {}. Evidence {:.4g} reaches {:.4g}: a "
                "harmless canary is failed like this in at most {:.3g} % of releases",
                compare(blamed(verdict, spec)),
                verdict.rule == "harm" ? 1 / verdict.p_value : 10 / spec.alpha,
                verdict.rule == "harm" ? verdict.fail_at : 10 / spec.alpha,
                100 * spec.alpha);
            return;
        case Decision::pass:
            verdict.rule = "non-inferiority";
            verdict.explanation = fmt::format(
                "every metric is shown to be within its margin in this step; a canary outside one "
                "passes a step like this with a chance of at most {:.3g} %",
                100 * spec.beta);
            return;
        case Decision::hold:
            verdict.rule = ill != verdict.metrics.end() ? "stable-below-objective" : "suspicion";
            verdict.explanation =
                ill != verdict.metrics.end()
                    ? fmt::format("stable itself breaks the objective. {}", compare(*ill))
                    : fmt::format(
                          "there is some evidence of harm ({:.3g}, failing takes {:.3g}). {}",
                          verdict.e_value,
                          verdict.fail_at,
                          compare(blamed(verdict, spec)));
            return;
        case Decision::inconclusive:
            verdict.rule = "deadline";
            verdict.explanation = fmt::format(
                "the step's time ended before the traffic could tell. Not shown to be within the "
                "margin: {}",
                list_unsafe(verdict));
            return;
        case Decision::go_on:
            verdict.rule = "";
            verdict.explanation =
                fmt::format("not yet shown to be within the margin: {}", list_unsafe(verdict));
            return;
    }
}

}  // namespace

Verdict Judge::verdict(const State& state) const {
    Verdict verdict{
        .decision = state.decision,
        .e_value = total_value(state),
        .p_value = 1 / state.peak,
        .fail_at = fail_at_,
        .pass_at = 1 / spec_.beta,
        .at_s = state.now_s,
        .index = state.observed};
    const auto& fell = state.ended ? state.ended : state.passed;
    if (fell && fell->decision == verdict.decision) {
        verdict.at_s = fell->at_s;
        verdict.index = fell->index;
    }
    verdict.at_s += state.origin_s.value_or(0);

    std::vector<Outlook> outlooks;
    for (std::size_t i = 0; i < spec_.metrics.size(); ++i) {
        const MetricSpec& spec = spec_.metrics[i];
        const MetricState& metric = state.metrics[i];
        const double ln_pass = std::log(verdict.pass_at);
        const double ln = std::visit(
            [&](const auto& test) { return ln_harm(test, spec, bets_[i]); }, metric.test);
        const auto* rates = std::get_if<RateState>(&metric.test);
        verdict.metrics.push_back(
            {.name = spec.name,
             .e_value = std::exp(ln),
             .pass_e_value = std::exp(safety_of(metric, spec)),
             .is_safe = safety_of(metric, spec) >= ln_pass,
             .is_clustered = rates != nullptr && is_clustered(*rates, spec),
             .is_stable_ill = is_ill(metric, bets_[i]),
             .canary = estimate(metric.step.canary),
             .stable = estimate(metric.step.stable),
             .event = describe_event(metric, spec),
             .margin = describe_margin(spec)});
        // The other metrics have no evidence, so this one's counts only by its share.
        const double ln_fail = std::log(fail_at_ / spec.share);
        outlooks.push_back(std::visit(
            [&](const auto& test) { return outlook(test, metric, bets_[i], ln_fail, ln_pass); },
            metric.test));
    }
    const bool is_open = verdict.decision == Decision::go_on || verdict.decision == Decision::hold;
    if (is_open) estimate_decision(verdict, state, outlooks);
    explain(verdict, state, spec_);
    return verdict;
}

}  // namespace serin::judge::sequential
