#include "judge/metric.h"

#include "base/check.h"

#include <fmt/format.h>

#include <algorithm>

namespace serin::judge {

std::optional<std::int64_t> effective_count(const MetricRule& rule) {
    if (rule.count > 0) return rule.count;
    return rule.interval ? std::nullopt : std::optional<std::int64_t>(1);
}

Result<> check(const MetricRule& rule) {
    const auto refuse = [](std::string message) {
        return fail(ErrorKind::invalid, std::move(message));
    };
    if (rule.count > 0) {
        if (rule.count < std::max<std::int64_t>(rule.failure_limit, 0) +
                             std::max<std::int64_t>(rule.consecutive_success_limit, 0)) {
            return refuse("count must be >= failureLimit + consecutiveSuccessLimit");
        }
        if (rule.count < rule.inconclusive_limit) {
            return refuse("count must be >= inconclusiveLimit");
        }
        if (rule.count > 1 && !rule.interval) {
            return refuse("interval must be specified when count > 1");
        }
    }
    if (rule.interval && *rule.interval <= Duration(0)) return refuse("interval must be > 0");
    if (rule.initial_delay < Duration(0)) return refuse("initialDelay must be >= 0");
    if (rule.failure_limit < -1) return refuse("failureLimit must be >= -1");
    if (rule.inconclusive_limit < 0) return refuse("inconclusiveLimit must be >= 0");
    if (rule.consecutive_error_limit < 0) return refuse("consecutiveErrorLimit must be >= 0");
    if (rule.consecutive_success_limit < 0) return refuse("consecutiveSuccessLimit must be >= 0");
    if (rule.failure_limit == -1 && rule.consecutive_success_limit == 0) {
        return refuse("failureLimit -1 needs a consecutiveSuccessLimit > 0");
    }
    return {};
}

std::optional<Instant> next_measurement(
    const MetricRule& rule, const MetricState& state, std::optional<Instant> run_started) {
    if (is_completed(state.phase)) return std::nullopt;

    const Measurement* last = state.last();
    if (last == nullptr) {
        if (rule.initial_delay == Duration(0)) return run_started.value_or(Instant::min());
        if (!run_started) return std::nullopt;
        return *run_started + rule.initial_delay;
    }
    if (!last->finished_at) return last->resume_at.value_or(Instant::min());

    const auto wanted = effective_count(rule);
    if (wanted && state.count >= *wanted) return std::nullopt;
    const bool is_retry = last->phase == Phase::error || !rule.interval;
    return *last->finished_at + (is_retry ? error_retry : *rule.interval);
}

void record(MetricState& state, Measurement measurement) {
    SERIN_CHECK(measurement.finished_at.has_value());
    SERIN_CHECK(is_completed(measurement.phase));
    const Phase phase = measurement.phase;
    if (phase == Phase::error) {
        ++state.error;
        ++state.consecutive_error;
    } else {
        ++state.count;
        state.consecutive_error = 0;
    }
    if (phase == Phase::successful) ++state.successful;
    if (phase == Phase::failed) ++state.failed;
    if (phase == Phase::inconclusive) ++state.inconclusive;
    state.consecutive_success = phase == Phase::successful ? state.consecutive_success + 1 : 0;

    if (const Measurement* last = state.last(); last != nullptr && !last->finished_at)
        state.measurements.pop_back();
    state.measurements.push_back(std::move(measurement));
}

std::size_t trim(const MetricRule& rule, MetricState& state) {
    const std::size_t size = state.measurements.size();
    const std::size_t excess = size - std::min(size, rule.measurements_kept);
    state.measurements.erase(
        state.measurements.begin(), state.measurements.begin() + std::ptrdiff_t(excess));
    return excess;
}

namespace {

Verdict over_limit(
    Phase phase,
    std::string_view what,
    std::int64_t value,
    std::string_view limit_name,
    std::int64_t limit) {
    return {
        .phase = phase,
        .rule = std::string(limit_name),
        .reason = fmt::format("{} ({}) > {} ({})", what, value, limit_name, limit),
        .numbers = {{std::string(what), double(value)}, {std::string(limit_name), double(limit)}}};
}

// The limits, the last that is exceeded winning.
std::optional<Verdict> exceeded(const MetricRule& rule, const MetricState& state) {
    std::optional<Verdict> verdict;
    if (rule.failure_limit >= 0 && state.failed > rule.failure_limit) {
        verdict =
            over_limit(Phase::failed, "failed", state.failed, "failureLimit", rule.failure_limit);
    }
    if (state.inconclusive > rule.inconclusive_limit) {
        verdict = over_limit(
            Phase::inconclusive,
            "inconclusive",
            state.inconclusive,
            "inconclusiveLimit",
            rule.inconclusive_limit);
    }
    if (state.consecutive_error > rule.consecutive_error_limit) {
        verdict = over_limit(
            Phase::error,
            "consecutiveErrors",
            state.consecutive_error,
            "consecutiveErrorLimit",
            rule.consecutive_error_limit);
    }
    return verdict;
}

// All measurements are taken and no limit was exceeded. With a success limit as the aim, not having
// reached it is a failure only if failures were not judged on their own.
Verdict at_the_end(const MetricRule& rule, const MetricState& state, std::int64_t wanted) {
    const std::map<std::string, double> numbers = {
        {"count", double(state.count)},
        {"wanted", double(wanted)},
        {"consecutiveSuccess", double(state.consecutive_success)}};
    if (rule.consecutive_success_limit == 0)
        return {.phase = Phase::successful, .rule = "count", .numbers = numbers};
    return {
        .phase = rule.failure_limit >= 0 ? Phase::inconclusive : Phase::failed,
        .rule = "consecutiveSuccessLimit",
        .reason = fmt::format(
            "consecutiveSuccess ({}) < consecutiveSuccessLimit ({})",
            state.consecutive_success,
            rule.consecutive_success_limit),
        .numbers = numbers};
}

Verdict assess_fresh(const MetricRule& rule, const MetricState& state, bool is_terminating) {
    const Measurement* last = state.last();
    if (last == nullptr) {
        return {.phase = is_terminating ? Phase::successful : Phase::pending};
    }
    if (!last->finished_at) return {.phase = Phase::running};

    if (auto verdict = exceeded(rule, state)) return *verdict;
    if (rule.consecutive_success_limit > 0 &&
        state.consecutive_success >= rule.consecutive_success_limit) {
        return {
            .phase = Phase::successful,
            .rule = "consecutiveSuccessLimit",
            .numbers = {
                {"consecutiveSuccess", double(state.consecutive_success)},
                {"consecutiveSuccessLimit", double(rule.consecutive_success_limit)}}};
    }
    const auto wanted = effective_count(rule);
    if (wanted && state.count >= *wanted) return at_the_end(rule, state, *wanted);
    return {.phase = is_terminating ? Phase::successful : Phase::running};
}

}  // namespace

Verdict assess(const MetricRule& rule, const MetricState& state, bool is_terminating) {
    Verdict fresh = assess_fresh(rule, state, is_terminating);
    if (!is_completed(state.phase) || fresh.phase == state.phase) return fresh;
    return {.phase = state.phase};
}

bool is_one_failure_from_failing(const MetricRule& rule, const MetricState& state) {
    return rule.failure_limit >= 0 && state.failed >= rule.failure_limit;
}

}  // namespace serin::judge
