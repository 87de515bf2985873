#include "judge/sequential/look.h"

#include <algorithm>
#include <cmath>

// Failures and conversions, canary against the stable requests beside it.

namespace serin::judge::sequential {

namespace {

using statistics::Bets;
using statistics::Block;
using statistics::Null;
using statistics::Side;
using statistics::to_step;

constexpr double half_life_s = 600;
// A block with one arm only says nothing. What waited longer for the other arm is too old for it.
constexpr double pairing_s = 60;
constexpr std::uint64_t block_size = 8;
constexpr std::uint64_t block_size_even = 4;  // From this share of the canary on.
constexpr double even_share = 0.25;
// Of stable, before the canary's first request: what is not in its first block is history.
constexpr std::uint64_t waiting_max = 64;
constexpr double share_smoothing = 0.05;
constexpr double ln_negligible = -0.7;  // e^-0.7 < 0.5 <= what is staked: the value is below 1.
constexpr double safety_difference_min = 0.005;
constexpr double half = 0.5;

// Only a canary that is worse by a quarter of all requests.
const Bets catastrophe{.null = Null{.ratio = 1, .difference = 0.25, .side = Side::above}};

Bets safety_bets(const RateState& state, const Look& look) {
    Bets bets = look.bets.safety;
    bets.null.difference = state.safety_difference;
    return bets;
}

void learn(RateState& state, const Look& look, std::uint64_t events, std::uint64_t total) {
    state.baseline.add(events, total, look.now_s, half_life_s);
}

// REQUIRES: both arms are in the pending block.
News close(RateState& state, const Look& look) {
    const Block block = state.pending;
    state.pending = {};
    const double rate = state.baseline.rate();
    const auto step = to_step(rate);
    bool is_news = false;
    if (look.is_warming && look.spec.subject == Subject::errors) {
        state.catastrophe.stake(1, rate, catastrophe);
        const double highest = state.catastrophe.add(block, step, catastrophe, look.cache);
        state.catastrophe.keep_peak(highest, catastrophe);
        is_news = true;
    } else if (!look.is_warming) {
        state.harm.stake(look.stakes(), rate, look.bets.harm);
        is_news = state.harm.add(block, step, look.bets.harm, look.cache) > ln_negligible;
        const Bets safety = safety_bets(state, look);
        const double highest = state.safety.add(block, step, safety, look.cache);
        state.safety.keep_peak(highest, safety);
    }
    learn(state, look, block.stable_events, block.stable);
    const auto total = static_cast<double>(block.canary + block.stable);
    const double share = static_cast<double>(block.canary) / total;
    state.canary_share += share_smoothing * (share - state.canary_share);
    return is_news ? News::evidence : News::calm;
}

void drop_if_old(RateState& state, const Look& look) {
    const bool is_empty = state.pending.canary == 0 && state.pending.stable == 0;
    if (is_empty || look.now_s - state.opened_s < pairing_s) return;
    learn(state, look, state.pending.stable_events, state.pending.stable);
    state.pending = {};
}

void count_second(RateState& state, Arm arm, const Trial& trial) {
    if (arm == Arm::canary) {
        state.second.canary += trial.count.total;
        state.second.canary_events += trial.count.events;
    } else {
        state.second.stable += trial.count.total;
        state.second.stable_events += trial.count.events;
        if (trial.is_half_a) state.second.stable_events_a += trial.count.events;
    }
}

}  // namespace

bool is_clustered(const RateState& state, const MetricSpec& spec) {
    return spec.subject == Subject::errors && state.dispersion.is_significant();
}

News take(RateState& state, const Look& look, Arm arm, const Trial& trial) {
    if (trial.is_single) count_second(state, arm, trial);
    if (!look.has_started) {
        // The latest requests wait for the canary's first, which would otherwise have next to none
        // beside it and say little.
        const bool is_history = !trial.is_single || state.pending.stable >= waiting_max;
        if (is_history) {
            learn(state, look, state.pending.stable_events, state.pending.stable);
            state.pending = {};
        }
        if (!trial.is_single) {
            learn(state, look, trial.count.events, trial.count.total);
            return News::none;
        }
    }
    if (state.pending.canary == 0 && state.pending.stable == 0) state.opened_s = look.now_s;
    if (arm == Arm::canary) {
        state.pending.canary += trial.count.total;
        state.pending.canary_events += trial.count.events;
    } else {
        state.pending.stable += trial.count.total;
        state.pending.stable_events += trial.count.events;
    }
    const std::uint64_t enough = state.canary_share >= even_share ? block_size_even : block_size;
    const bool has_both = state.pending.canary > 0 && state.pending.stable > 0;
    const bool is_full = has_both && state.pending.canary + state.pending.stable >= enough;
    // Counters' growth is a block of its own: `tick` or the next batch closes it.
    return is_full && trial.is_single ? close(state, look) : News::none;
}

News tick(RateState& state, const Look& look) {
    News news = News::none;
    if (state.pending.canary > 0 && state.pending.stable > 0) {
        news = close(state, look);
    } else {
        drop_if_old(state, look);
    }
    if (look.spec.subject == Subject::errors) {
        state.dispersion.add(state.second);
        if (look.has_started && !look.is_warming) {
            state.share.stake(look.stakes());
            state.share.add(state.second, look.spec.margin.ratio);
        }
    }
    state.second = {};
    return is_clustered(state, look.spec) ? News::evidence : news;
}

void begin_step(RateState& state, const Look& look) {
    const double by_rate = std::max(safety_difference_min, half * state.baseline.rate());
    const bool follows_rate =
        look.spec.subject == Subject::errors && !look.spec.has_pass_difference;
    state.safety_difference = follows_rate ? by_rate : look.bets.safety.null.difference;
    state.safety = {};
    state.safety.stake(1, state.baseline.rate(), look.bets.safety);
}

double ln_harm(const RateState& state, const MetricSpec& spec, const MetricBets& bets) {
    const double ln = state.harm.ln_value(bets.harm);
    return is_clustered(state, spec) ? std::min(ln, state.share.ln_value()) : ln;
}

double ln_safety(const RateState& state, const MetricSpec&) {
    return state.safety.ln_peak;
}

double ln_catastrophe(const RateState& state) {
    return state.catastrophe.staked > 0 ? state.catastrophe.ln_peak : statistics::ln_zero;
}

}  // namespace serin::judge::sequential
