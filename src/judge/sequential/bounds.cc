#include "judge/sequential/look.h"

// The canary against a fixed bound. An outage of what both arms depend on breaks the bound too, and
// is no reason to take the canary back: while stable itself breaks it, the canary is not judged.

namespace serin::judge::sequential {

namespace {

constexpr std::uint64_t canary_pending_max = 8;
constexpr std::uint64_t stable_pending_max = 64;

News close(BoundState& state, const Look& look) {
    state.stable_alarm.add(
        state.stable_pending.total, state.stable_pending.events, look.bets.bound_harm);
    state.stable_pending = {};
    const Count canary = state.canary_pending;
    state.canary_pending = {};
    if (state.stable_alarm.is_raised(look.bets.bound_harm)) {
        state.harm.forget(look.bets.bound_harm);
        return News::evidence;
    }
    if (canary.total == 0 || look.is_warming) return News::none;
    state.harm.stake(look.stakes(), look.bets.bound_harm);
    state.harm.add(canary.total, canary.events, look.bets.bound_harm);
    state.safety.add(canary.total, canary.events, look.bets.bound_safety);
    return News::evidence;
}

}  // namespace

News take(BoundState& state, const Look& look, Arm arm, const Trial& trial) {
    Count& pending = arm == Arm::canary ? state.canary_pending : state.stable_pending;
    pending.total += trial.count.total;
    pending.events += trial.count.events;
    if (!trial.is_single) return News::none;  // `tick` closes it, when both arms' growth is in.
    const bool is_full = state.canary_pending.total >= canary_pending_max ||
                         state.stable_pending.total >= stable_pending_max;
    const bool is_due = is_full || state.canary_pending.events > 0;
    return is_due ? close(state, look) : News::none;
}

News tick(BoundState& state, const Look& look) {
    return close(state, look);
}

void begin_step(BoundState& state, const Look& look) {
    state.safety = {};
    state.safety.stake(1, look.bets.bound_safety);
}

double ln_harm(const BoundState& state, const MetricSpec&, const MetricBets& bets) {
    return state.harm.ln_value(bets.bound_harm);
}

double ln_safety(const BoundState& state, const MetricSpec&) {
    return state.safety.ln_peak;
}

}  // namespace serin::judge::sequential
