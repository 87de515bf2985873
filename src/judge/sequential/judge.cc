#include "judge/sequential/judge.h"

#include "base/check.h"

#include <algorithm>
#include <cmath>

namespace serin::judge::sequential {

namespace {

constexpr double catastrophe_share = 0.1;  // Of alpha, when there is a warm-up.
constexpr double ln_value_max = 700;       // What a double can hold.

std::uint64_t scramble(std::uint64_t x) {
    x += 0x9E3779B97F4A7C15ULL;
    x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27U)) * 0x94D049BB133111EBULL;
    return x ^ (x >> 31U);
}

TestState fresh(const MetricSpec& spec) {
    if (spec.bound) return BoundState{};
    if (spec.subject == Subject::latency) return LatencyState{};
    return RateState{};
}

// True if the unit has been counted in this step. A small table of fingerprints, in which a unit
// holds its place the better the more requests it makes: those of the heavy ones count once, and it
// does not matter that a rare one may count again.
bool is_known(State& state, std::uint64_t unit) {
    constexpr std::uint32_t hold_mask = 0xFF;
    const std::uint64_t bits = scramble(unit);
    const auto fingerprint = static_cast<std::uint32_t>(bits >> 32U) & ~hold_mask;
    std::uint32_t& slot = state.units[bits % unit_slots];
    const std::uint32_t hold = slot & hold_mask;
    if (hold > 0 && (slot & ~hold_mask) == fingerprint) {
        if (hold < hold_mask) ++slot;
        return true;
    }
    slot = hold > 1 ? slot - 1 : fingerprint | 1U;
    return false;
}

// What the outcome is to the metric; empty: nothing.
std::optional<Trial> trial_of(const MetricSpec& spec, std::size_t metric, const Outcome& outcome) {
    if (!spec.counted_by.empty()) return std::nullopt;
    Trial trial{.count = {.total = 1}, .ms = outcome.ms};
    switch (spec.subject) {
        case Subject::errors:
            trial.count.events = outcome.failed ? 1 : 0;
            return trial;
        case Subject::latency:
            if (std::isnan(outcome.ms)) return std::nullopt;
            if (spec.bound) trial.count.events = outcome.ms > spec.limit_ms ? 1 : 0;
            return trial;
        case Subject::conversions:
            if (!spec.header.empty()) {
                if ((outcome.told >> metric & 1U) == 0) return std::nullopt;
                trial.count.events = outcome.good >> metric & 1U;
                return trial;
            }
            if (!outcome.converted) return std::nullopt;
            trial.count.events = *outcome.converted ? 1 : 0;
            return trial;
    }
    return std::nullopt;
}

double safety_bar(const Spec& spec) {
    return std::log(1 / spec.beta);
}

void add(ArmCounts& counts, Arm arm, const Count& more) {
    Count& count = arm == Arm::canary ? counts.canary : counts.stable;
    count.total += more.total;
    count.events += more.events;
}

}  // namespace

double safety_of(const MetricState& metric, const MetricSpec& spec) {
    return std::visit([&](const auto& test) { return ln_safety(test, spec); }, metric.test);
}

bool is_ill(const MetricState& metric, const MetricBets& bets) {
    const auto* test = std::get_if<BoundState>(&metric.test);
    return test != nullptr && test->stable_alarm.is_raised(bets.bound_harm);
}

bool is_catastrophe(const State& state, const Spec& spec) {
    const auto metrics = static_cast<double>(spec.metrics.size());
    const double bar = std::log(metrics / (catastrophe_share * spec.alpha));
    return std::any_of(state.metrics.begin(), state.metrics.end(), [&](const MetricState& metric) {
        const auto* test = std::get_if<RateState>(&metric.test);
        return test != nullptr && ln_catastrophe(*test) >= bar;
    });
}

std::string_view to_string(Decision decision) {
    switch (decision) {
        case Decision::go_on:
            return "continue";
        case Decision::hold:
            return "hold";
        case Decision::pass:
            return "pass";
        case Decision::fail:
            return "fail";
        case Decision::inconclusive:
            return "inconclusive";
    }
    return "";
}

Judge::Judge(Spec spec, statistics::FactorCache& cache) : spec_(std::move(spec)), cache_(&cache) {
    SERIN_CHECK(!spec_.metrics.empty());
    for (const MetricSpec& metric : spec_.metrics) bets_.push_back(bets_for(metric));
    fail_at_ = 1 / (spec_.warmup_s > 0 ? (1 - catastrophe_share) * spec_.alpha : spec_.alpha);
}

State Judge::begin() const {
    State state;
    for (const MetricSpec& metric : spec_.metrics) state.metrics.push_back({.test = fresh(metric)});
    return state;
}

Look Judge::look(const State& state, std::size_t metric) const {
    return {
        .spec = spec_.metrics[metric],
        .bets = bets_[metric],
        .cache = *cache_,
        .now_s = state.now_s,
        .plan = spec_.plan,
        .later_steps = state.later_steps,
        .elapsed_s = state.now_s - state.started_s,
        .has_started = state.has_started,
        .is_warming = state.now_s - state.started_s < spec_.warmup_s};
}

bool Judge::observe(State& state, const Outcome& outcome) const {
    if (state.ended) return false;
    ++state.observed;
    bool is_due = move_to(state, outcome.at_s);
    if (state.ended) return true;
    if (outcome.arm == Arm::canary) start(state);
    if (outcome.unit != 0 && is_known(state, outcome.unit)) return is_due && settle(state);
    // The coin of the A/A split: by unit, or by request where each is a unit.
    const bool is_half_a = (scramble(outcome.unit != 0 ? ~outcome.unit : state.observed) & 1U) != 0;
    for (std::size_t i = 0; i < spec_.metrics.size(); ++i) {
        auto trial = trial_of(spec_.metrics[i], i, outcome);
        if (!trial) continue;
        trial->is_half_a = is_half_a;
        const News news = take(state, i, outcome.arm, *trial);
        if (news == News::none) continue;
        note(state, i, news);
        is_due = true;
    }
    return is_due && settle(state);
}

bool Judge::observe(State& state, const Batch& batch) const {
    SERIN_CHECK(batch.metric < spec_.metrics.size());
    const auto& [canary, stable] = batch.counts;
    SERIN_CHECK(canary.events <= canary.total && stable.events <= stable.total);
    if (state.ended) return false;
    state.observed += canary.total + stable.total;
    move_to(state, batch.at_s);
    if (state.ended) return true;
    if (canary.total > 0) start(state);
    if (canary.total > 0) {
        take(state, batch.metric, Arm::canary, {.count = canary, .is_single = false});
    }
    if (stable.total > 0) {
        take(state, batch.metric, Arm::stable, {.count = stable, .is_single = false});
    }
    const Look now = look(state, batch.metric);
    note(
        state,
        batch.metric,
        std::visit(
            [&](auto& test) { return sequential::tick(test, now); },
            state.metrics[batch.metric].test));
    return settle(state);
}

void Judge::begin_step(State& state, double now_s) const {
    if (state.ended && state.ended->decision == Decision::fail) return;
    state.ended.reset();
    move_to(state, now_s);
    if (state.ended && state.ended->decision == Decision::fail) return;
    state.ended.reset();
    state.passed.reset();
    state.decision = Decision::go_on;
    state.step_started_s = state.now_s;
    state.units = {};
    // A step before the first canary request is where the release begins.
    if (state.has_started) ++state.later_steps;
    for (std::size_t i = 0; i < spec_.metrics.size(); ++i) {
        const Look now = look(state, i);
        std::visit([&](auto& test) { sequential::begin_step(test, now); }, state.metrics[i].test);
        state.metrics[i].step = {};
    }
    settle(state);
}

bool Judge::advance_time(State& state, double now_s) const {
    return !state.ended && move_to(state, now_s) && settle(state);
}

// Returns whether a second has ended.
bool Judge::move_to(State& state, double at_s) const {
    if (!state.origin_s) state.origin_s = at_s;
    state.now_s = std::max(state.now_s, at_s - *state.origin_s);
    if (state.now_s < state.tick_s) return false;
    state.tick_s = std::floor(state.now_s) + 1;
    tick(state);
    return true;
}

void Judge::start(State& state) const {
    if (state.has_started) return;
    state.has_started = true;
    state.started_s = state.now_s;
    state.step_started_s = state.now_s;
    for (std::size_t i = 0; i < spec_.metrics.size(); ++i) {
        const Look now = look(state, i);
        std::visit([&](auto& test) { sequential::begin_step(test, now); }, state.metrics[i].test);
    }
}

News Judge::take(State& state, std::size_t metric, Arm arm, const Trial& trial) const {
    const Look now = look(state, metric);
    MetricState& of = state.metrics[metric];
    Count seen = trial.count;
    if (const auto* latency = std::get_if<LatencyState>(&of.test)) {
        const double limit = display_limit(*latency, spec_.metrics[metric]);
        if (limit == 0) seen = {};
        seen.events = limit > 0 && trial.ms > limit ? 1 : 0;
    }
    if (state.has_started) {
        add(of.release, arm, seen);
        add(of.step, arm, seen);
    }
    return std::visit([&](auto& test) { return sequential::take(test, now, arm, trial); }, of.test);
}

void Judge::note(State& state, std::size_t metric, News news) const {
    MetricState& of = state.metrics[metric];
    if (news == News::none) return;
    if (news == News::calm) {
        of.value = 1;
        return;
    }
    const double ln = std::visit(
        [&](const auto& test) { return ln_harm(test, spec_.metrics[metric], bets_[metric]); },
        of.test);
    of.value = std::exp(std::min(ln, ln_value_max));
}

void Judge::tick(State& state) const {
    for (std::size_t i = 0; i < spec_.metrics.size(); ++i) {
        const Look now = look(state, i);
        note(
            state,
            i,
            std::visit(
                [&](auto& test) { return sequential::tick(test, now); }, state.metrics[i].test));
    }
    const double step_lasted_s = state.now_s - state.step_started_s;
    const bool is_late = spec_.timeout_s && state.has_started && step_lasted_s >= *spec_.timeout_s;
    if (!is_late || state.passed) return;
    find_end(state);  // Evidence of this very second comes first.
    if (state.ended || state.passed) return;
    state.ended =
        Ended{.decision = Decision::inconclusive, .at_s = state.now_s, .index = state.observed};
    state.decision = Decision::inconclusive;
}

double Judge::total_value(const State& state) const {
    double total = 0;
    for (std::size_t i = 0; i < spec_.metrics.size(); ++i) {
        const double ln = std::visit(
            [&](const auto& test) { return ln_harm(test, spec_.metrics[i], bets_[i]); },
            state.metrics[i].test);
        total += spec_.metrics[i].share * std::exp(std::min(ln, ln_value_max));
    }
    return total;
}

void Judge::find_end(State& state) const {
    double bound = 0;
    for (std::size_t i = 0; i < spec_.metrics.size(); ++i) {
        bound += spec_.metrics[i].share * state.metrics[i].value;
    }
    if (bound > state.peak) state.peak = std::max(state.peak, total_value(state));
    const bool is_broken = spec_.warmup_s > 0 && is_catastrophe(state, spec_);
    if (state.peak >= fail_at_ || is_broken) {
        state.ended = Ended{
            .decision = Decision::fail,
            .at_s = state.now_s,
            .index = state.observed,
            .is_catastrophe = state.peak < fail_at_};
        return;
    }
    bool is_safe = state.has_started && state.now_s - state.started_s >= spec_.warmup_s &&
                   bound < spec_.hold_at;
    for (std::size_t i = 0; is_safe && i < spec_.metrics.size(); ++i) {
        is_safe = !is_ill(state.metrics[i], bets_[i]) &&
                  safety_of(state.metrics[i], spec_.metrics[i]) >= safety_bar(spec_);
    }
    if (is_safe && !state.passed) {
        state.passed =
            Ended{.decision = Decision::pass, .at_s = state.now_s, .index = state.observed};
    }
    const bool is_held =
        bound >= spec_.hold_at ||
        std::any_of(state.metrics.begin(), state.metrics.end(), [&](const MetricState& metric) {
            const auto index = static_cast<std::size_t>(&metric - state.metrics.data());
            return is_ill(metric, bets_[index]);
        });
    state.decision = is_held ? Decision::hold : state.passed ? Decision::pass : Decision::go_on;
}

bool Judge::settle(State& state) const {
    const Decision before = state.decision;
    if (!state.ended) find_end(state);
    if (state.ended) state.decision = state.ended->decision;
    return state.decision != before;
}

}  // namespace serin::judge::sequential
