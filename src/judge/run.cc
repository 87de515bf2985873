#include "judge/run.h"

#include <fmt/format.h>

#include <algorithm>

namespace serin::judge {

const MetricState* RunState::find(std::string_view metric) const {
    const auto found = std::ranges::find(metrics, metric, &MetricState::name);
    return found == metrics.end() ? nullptr : &*found;
}

MetricState& RunState::state_of(std::string_view metric) {
    const auto found = std::ranges::find(metrics, metric, &MetricState::name);
    if (found != metrics.end()) return *found;
    metrics.push_back({.name = std::string(metric)});
    return metrics.back();
}

bool is_terminating(const RunRule& rule, const RunState& state) {
    if (rule.is_terminated) return true;
    return std::ranges::any_of(rule.metrics, [&](const MetricRule& metric) {
        const MetricState* of = state.find(metric.name);
        return of != nullptr && !metric.is_dry_run && is_completed(of->phase) &&
               of->phase != Phase::successful;
    });
}

std::vector<Due> due_measurements(const RunRule& rule, const RunState& state) {
    std::vector<Due> due;
    if (is_completed(state.phase) || is_terminating(rule, state)) return due;
    const MetricState not_begun;
    for (const MetricRule& metric : rule.metrics) {
        const MetricState* of = state.find(metric.name);
        const auto at = next_measurement(metric, of == nullptr ? not_begun : *of, state.started_at);
        if (at) due.push_back({.metric = metric.name, .at = *at});
    }
    return due;
}

namespace {

void count(Summary& summary, Phase phase) {
    if (phase == Phase::successful) ++summary.successful;
    if (phase == Phase::failed) ++summary.failed;
    if (phase == Phase::inconclusive) ++summary.inconclusive;
    if (phase == Phase::error) ++summary.error;
}

// One pass over the metrics, in which `is_terminating` is taken as given.
struct Pass {
    std::vector<Ended> ended;
    std::optional<Phase> worst;  // Of completed metrics that count.
    std::string message;
    bool is_everything_completed = true;
    Summary summary;
    std::optional<Summary> dry_run_summary;
};

void assess_metric(const MetricRule& rule, MetricState& state, bool is_terminating, Pass& pass) {
    const Verdict verdict = assess(rule, state, is_terminating);
    if (verdict.phase != state.phase) {
        if (const Measurement* last = state.last()) state.message = last->message;
        state.phase = verdict.phase;
        if (is_completed(state.phase)) pass.ended.push_back({state.name, state.phase});
    }
    if (!is_completed(state.phase)) {
        pass.is_everything_completed = false;
        return;
    }
    count(rule.is_dry_run ? *pass.dry_run_summary : pass.summary, state.phase);
    if (rule.is_dry_run) {
        if (!verdict.reason.empty()) {
            state.message =
                fmt::format("Metric assessed {} due to {}", to_string(state.phase), verdict.reason);
        }
        return;
    }
    if (pass.worst && !is_worse(state.phase, *pass.worst)) return;
    pass.worst = state.phase;
    if (verdict.reason.empty()) return;
    pass.message = fmt::format(
        "Metric \"{}\" assessed {} due to {}", rule.name, to_string(state.phase), verdict.reason);
    if (!state.message.empty())
        pass.message += fmt::format(": \"Error Message: {}\"", state.message);
}

Pass assess_metrics(const RunRule& rule, RunState& state, bool is_terminating) {
    Pass pass;
    if (rule.is_terminated) pass.message = "Run Terminated";
    for (const MetricRule& metric : rule.metrics) {
        if (metric.is_dry_run && !pass.dry_run_summary) pass.dry_run_summary.emplace();
        ++(metric.is_dry_run ? *pass.dry_run_summary : pass.summary).count;
        if (state.find(metric.name) == nullptr) {
            pass.is_everything_completed = false;
            continue;
        }
        assess_metric(metric, state.state_of(metric.name), is_terminating, pass);
    }
    return pass;
}

}  // namespace

std::vector<Ended> assess_run(const RunRule& rule, RunState& state, Instant now) {
    if (is_completed(state.phase)) return {};
    if (!state.started_at) state.started_at = now;

    bool terminating = is_terminating(rule, state);
    Pass pass = assess_metrics(rule, state, terminating);
    std::vector<Ended> ended = std::move(pass.ended);
    if (!terminating && is_terminating(rule, state)) {
        terminating = true;
        pass = assess_metrics(rule, state, terminating);
        ended.insert(ended.end(), pass.ended.begin(), pass.ended.end());
    }
    state.summary = pass.summary;
    state.dry_run_summary = pass.dry_run_summary;

    Phase phase = Phase::running;
    if (terminating || pass.is_everything_completed) phase = pass.worst.value_or(Phase::successful);
    if (phase != state.phase) {
        state.phase = phase;
        state.message = is_completed(phase) ? pass.message : "";
    }
    if (is_completed(phase)) state.completed_at = now;
    return ended;
}

std::optional<Instant> delete_at(const TimeToLive& ttl, const RunState& state) {
    if (!is_completed(state.phase) || !state.completed_at) return std::nullopt;
    std::optional<Duration> after = ttl.after_completion;
    if (state.phase == Phase::failed && ttl.after_failure) after = ttl.after_failure;
    if (state.phase == Phase::successful && ttl.after_success) after = ttl.after_success;
    if (!after) return std::nullopt;
    return *state.completed_at + *after + std::chrono::seconds(1);
}

}  // namespace serin::judge
