#include "judge/sequential/look.h"

#include <algorithm>
#include <cmath>
#include <limits>

// Latency, as "slower than what stable's past calls slow" at several thresholds at once: low ones
// see that everything got slower, high ones see tails. The canary's threshold is `margin.ratio`
// times stable's, so that the margin is built in.

namespace serin::judge::sequential {

namespace {

using statistics::Baseline;
using statistics::Block;
using statistics::FactorCache;
using statistics::ln_add;
using statistics::ln_zero;
using statistics::to_step;

struct Place {
    double quantile;
    double times;  // Thresholds beyond what has been seen: multiples of the quantile.
    double weight;
};

constexpr std::array<Place, thresholds_max> distribution{{
    {0.5, 1, 0.1},
    {0.75, 1, 0.1},
    {0.9, 1, 0.15},
    {0.95, 1, 0.2},
    {0.99, 1, 0.2},
    {0.99, 2, 0.15},
    {0.99, 4, 0.1},
}};
// Of the whole distribution, what has to be shown before the canary passes: p95 and p99.
constexpr std::array<std::size_t, 2> safety_places{3, 4};

constexpr double fastest_ms = 0.1;
constexpr double bucket_growth = 1.05;
constexpr double ln_negligible = -3;
constexpr double negligible = 0.45;  // With e^-3 from each threshold, less than what is staked.
constexpr double inside = 0.999999;  // An edge, times this, is in the bucket that it ends.
constexpr double half_life_s = 600;
constexpr double pairing_s = 60;
constexpr double refresh_s = 60;
constexpr double generation_s = 300;
constexpr std::uint64_t learn_min = 100;
constexpr std::uint64_t learnt_well = 10'000;
constexpr double baseline_max = 1000;
constexpr std::uint64_t block_size = 8;
constexpr std::uint64_t block_size_even = 4;
constexpr float even_share = 0.25F;
constexpr float share_smoothing = 0.05F;

Place place(const MetricSpec& spec, std::size_t index) {
    return spec.quantile ? Place{*spec.quantile, 1, 1} : distribution[index];
}

std::size_t safety_count(const MetricSpec& spec) {
    return spec.quantile ? 1 : safety_places.size();
}

std::size_t safety_place(const MetricSpec& spec, std::size_t index) {
    return spec.quantile ? 0 : safety_places[index];
}

std::size_t bucket_of(double ms) {
    if (!(ms > fastest_ms)) return 0;
    static const double ln_growth = std::log(bucket_growth);
    const double index = std::ceil(std::log(ms / fastest_ms) / ln_growth);
    return std::min(static_cast<std::size_t>(std::min(index, 1e6)), latency_buckets - 1);
}

// The upper edge: all of bucket i is at most this.
double edge(std::size_t bucket) {
    return fastest_ms * std::pow(bucket_growth, static_cast<double>(bucket));
}

void remember(LatencyMemory& memory, double ms) {
    std::uint32_t& count = memory.recent[bucket_of(ms)];
    if (count == std::numeric_limits<std::uint32_t>::max()) return;
    ++count;
    ++memory.recent_total;
}

std::uint64_t known(const LatencyMemory& memory) {
    return memory.recent_total + memory.older_total;
}

double share_above(const LatencyMemory& memory, double ms) {
    const std::size_t first = bucket_of(ms * inside) + 1;
    std::uint64_t above = 0;
    for (std::size_t i = first; i < latency_buckets; ++i)
        above += memory.recent[i] + std::uint64_t{memory.older[i]};
    return static_cast<double>(above) / static_cast<double>(known(memory));
}

// New thresholds, from the past alone. REQUIRES: no block is pending.
void refresh(LatencyState& state, const Look& look) {
    const std::uint64_t total = known(state.memory);
    if (total < learn_min) return;
    for (std::size_t i = 0; i < threshold_count(look.spec); ++i) {
        const Place at = place(look.spec, i);
        LatencyState::Threshold& threshold = state.thresholds[i];
        const double limit =
            edge(bucket_of(at.times * quantile(state.memory, at.quantile) * inside));
        threshold.limit_ms = static_cast<float>(limit);
        const double weight = std::min(static_cast<double>(total), baseline_max);
        const double events = share_above(state.memory, limit) * weight;
        threshold.baseline = {.events = std::max(events, 0.5), .total = weight, .at_s = look.now_s};
    }
    state.learnt_from = total;
    state.refreshed_s = look.now_s;
    if (look.now_s - state.memory.turned_s >= generation_s) {
        state.memory.older = state.memory.recent;
        state.memory.older_total = state.memory.recent_total;
        state.memory.recent = {};
        state.memory.recent_total = 0;
        state.memory.turned_s = look.now_s;
    }
}

void refresh_if_due(LatencyState& state, const Look& look) {
    const bool is_due = look.now_s - state.refreshed_s >= refresh_s;
    const bool knows_more = state.learnt_from < learnt_well &&
                            known(state.memory) >= std::max(learn_min, 2 * state.learnt_from);
    if (is_due || knows_more) refresh(state, look);
}

void clear_pending(LatencyState& state) {
    state.canary_pending = 0;
    state.stable_pending = 0;
    for (auto& threshold : state.thresholds) threshold.canary_slow = threshold.stable_slow = 0;
    for (auto& safety : state.safety) safety.canary_slow = 0;
}

void add_safety(LatencyState& state, const Look& look, std::size_t index) {
    LatencyState::Safety& safety = state.safety[index];
    const auto& threshold = state.thresholds[safety_place(look.spec, index)];
    // The same arithmetic as a test of its own, kept in less memory.
    statistics::TwoSample test;
    std::copy(safety.ln_wealth.begin(), safety.ln_wealth.end(), test.ln_wealth.begin());
    test.staked = 1;
    test.ln_peak = safety.ln_peak;
    const Block block{
        .canary = state.canary_pending,
        .canary_events = safety.canary_slow,
        .stable = state.stable_pending,
        .stable_events = threshold.stable_slow};
    const auto step = to_step(threshold.baseline.rate());
    test.keep_peak(test.add(block, step, look.bets.safety, look.cache), look.bets.safety);
    std::copy_n(test.ln_wealth.begin(), safety.ln_wealth.size(), safety.ln_wealth.begin());
    safety.ln_peak = test.ln_peak;
}

// REQUIRES: both arms are in the pending block.
News close(LatencyState& state, const Look& look) {
    const double stakes = look.stakes();
    double value_max = 0;  // Of what is staked, but for what is negligible.
    if (!look.is_warming) {
        for (std::size_t i = 0; i < safety_count(look.spec); ++i) {
            add_safety(state, look, i);
        }
    }
    for (std::size_t i = 0; i < threshold_count(look.spec); ++i) {
        LatencyState::Threshold& threshold = state.thresholds[i];
        const double rate = threshold.baseline.rate();
        const Block block{
            .canary = state.canary_pending,
            .canary_events = threshold.canary_slow,
            .stable = state.stable_pending,
            .stable_events = threshold.stable_slow};
        if (!look.is_warming) {
            threshold.harm.stake(stakes, rate, look.bets.harm);
            const double highest =
                threshold.harm.add(block, to_step(rate), look.bets.harm, look.cache);
            if (highest > ln_negligible)
                value_max += place(look.spec, i).weight * std::exp(highest);
        }
        threshold.baseline.add(block.stable_events, block.stable, look.now_s, half_life_s);
    }
    const auto total = static_cast<float>(state.canary_pending + state.stable_pending);
    const float share = static_cast<float>(state.canary_pending) / total;
    state.canary_share += share_smoothing * (share - state.canary_share);
    clear_pending(state);
    refresh_if_due(state, look);
    return value_max > negligible ? News::evidence : News::calm;
}

void count(LatencyState& state, const Look& look, Arm arm, double ms) {
    if (state.canary_pending == 0 && state.stable_pending == 0) state.opened_s = look.now_s;
    const std::size_t thresholds = threshold_count(look.spec);
    if (arm == Arm::stable) {
        ++state.stable_pending;
        for (std::size_t i = 0; i < thresholds; ++i) {
            state.thresholds[i].stable_slow +=
                ms > static_cast<double>(state.thresholds[i].limit_ms) ? 1U : 0U;
        }
        return;
    }
    ++state.canary_pending;
    const double margin = look.spec.margin.ratio;
    for (std::size_t i = 0; i < thresholds; ++i) {
        const double limit = margin * static_cast<double>(state.thresholds[i].limit_ms);
        state.thresholds[i].canary_slow += ms > limit ? 1U : 0U;
    }
    for (std::size_t i = 0; i < safety_count(look.spec); ++i) {
        const auto& threshold = state.thresholds[safety_place(look.spec, i)];
        const double limit = look.spec.pass_margin.ratio * static_cast<double>(threshold.limit_ms);
        state.safety[i].canary_slow += ms > limit ? 1U : 0U;
    }
}

}  // namespace

std::size_t threshold_count(const MetricSpec& spec) {
    return spec.quantile ? 1 : thresholds_max;
}

double display_limit(const LatencyState& state, const MetricSpec& spec) {
    return static_cast<double>(state.thresholds[safety_place(spec, 0)].limit_ms);
}

bool has_thresholds(const LatencyState& state) {
    return state.learnt_from > 0;
}

double quantile(const LatencyMemory& memory, double quantile) {
    const auto total = static_cast<double>(known(memory));
    const double wanted = quantile * total;
    double below = 0;
    for (std::size_t i = 0; i < latency_buckets; ++i) {
        below += memory.recent[i];
        below += memory.older[i];
        if (below < wanted || below == 0) continue;
        // Where latencies hardly differ, next to nothing may lie above the bucket, and nothing
        // could be shown there.
        const bool is_empty_above = 2 * (total - below) < (1 - quantile) * total;
        return is_empty_above && i > 0 ? edge(i - 1) : edge(i);
    }
    return 0;
}

News take(LatencyState& state, const Look& look, Arm arm, const Trial& trial) {
    if (std::isnan(trial.ms)) return News::none;
    if (arm == Arm::stable) remember(state.memory, trial.ms);
    if (!look.has_started || !has_thresholds(state)) {
        refresh_if_due(state, look);
        return News::none;
    }
    count(state, look, arm, trial.ms);
    const std::uint64_t enough = state.canary_share >= even_share ? block_size_even : block_size;
    const bool has_both = state.canary_pending > 0 && state.stable_pending > 0;
    const bool is_full = has_both && state.canary_pending + state.stable_pending >= enough;
    return is_full ? close(state, look) : News::none;
}

News tick(LatencyState& state, const Look& look) {
    if (state.canary_pending > 0 && state.stable_pending > 0) return close(state, look);
    const bool is_empty = state.canary_pending == 0 && state.stable_pending == 0;
    if (!is_empty && look.now_s - state.opened_s < pairing_s) return News::none;
    clear_pending(state);
    refresh_if_due(state, look);
    return News::none;
}

void begin_step(LatencyState& state, const Look&) {
    for (auto& safety : state.safety) safety = {};
}

double ln_harm(const LatencyState& state, const MetricSpec& spec, const MetricBets& bets) {
    double ln = ln_zero;
    for (std::size_t i = 0; i < threshold_count(spec); ++i) {
        ln = ln_add(
            ln, std::log(place(spec, i).weight) + state.thresholds[i].harm.ln_value(bets.harm));
    }
    return ln;
}

double ln_safety(const LatencyState& state, const MetricSpec& spec) {
    double ln = state.safety[0].ln_peak;
    for (std::size_t i = 1; i < safety_count(spec); ++i) ln = std::min(ln, state.safety[i].ln_peak);
    return ln;
}

}  // namespace serin::judge::sequential
