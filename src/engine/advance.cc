#include "engine/flip.h"
#include "engine/stages.h"

#include <algorithm>
#include <string>
#include <utility>

// From step to step, and from the last to promotion.

namespace serin::engine {

namespace {

std::optional<Ending> ending(const Turn& turn) {
    const ReleaseState& next = turn.next;
    if (next.stable.empty()) return Ending::first;
    if (next.is_aborted || turn.is_promoted() || turn.plan.is_held) return std::nullopt;
    if (!turn.candidate || !turn.candidate->is_settled ||
        turn.candidate->available < enough_of(turn.plan, turn.seen.replicas)) {
        return std::nullopt;
    }
    if (!next.skips_steps && (!turn.is_past_steps() || !next.holds.empty())) return std::nullopt;
    // All traffic is seen to reach the candidate before the stable side is let go.
    if (turn.plan.routing && turn.seen.replicas > 0 &&
        !is_weight_confirmed(turn, turn.plan.weight_max)) {
        return std::nullopt;
    }
    if (next.skips_steps) return Ending::asked;
    return turn.is_within_window() ? Ending::window : Ending::steps_done;
}

std::string describe(Ending ending) {
    switch (ending) {
        case Ending::first:
            return "the first revision needs no steps";
        case Ending::steps_done:
            return "all steps are done and all traffic is on the candidate";
        case Ending::asked:
            return "a person asked for promotion and the candidate carries all";
        case Ending::window:
            return "going back within the window needs no steps";
        case Ending::back_to_stable:
            return "the manifest is back at a revision that was stable and is running still";
        case Ending::flipped:
            return "all traffic is on the candidate and nobody objects";
    }
    return {};
}

}  // namespace

void promote(Turn& turn, Ending ending) {
    ReleaseState& next = turn.next;
    next.stable = next.candidate;
    if (turn.plan.routing && turn.plan.routing->alternates) {
        next.is_first_stable = !next.is_first_stable;
        turn.is_swapped = true;
        turn.because("services_swapped", "the candidate's service becomes the stable one");
    }
    next.holds.clear();
    next.is_holding = false;
    next.is_aborted = false;
    next.aborted_at.reset();
    next.abort_cause.reset();
    next.skips_steps = false;
    next.step_run.reset();
    next.trial.reset();
    next.background_run.reset();
    if (next.step) next.step = static_cast<int>(turn.plan.steps.size());
    turn.sort_revisions();
    turn.announce({.news = Announce::News::completed, .ending = ending});
    turn.because("promoted", describe(ending));
}

namespace {

bool is_pause_over(Turn& turn, const Pause& pause) {
    const auto hold = std::ranges::find(turn.next.holds, HoldKind::pause_step, &Hold::kind);
    if (hold == turn.next.holds.end()) return turn.next.is_holding;  // A person lifted it.
    if (!pause.duration) return false;
    const Instant until = hold->since + *pause.duration;
    if (turn.seen.at >= until) return true;
    turn.wake(until);
    return false;
}

bool is_complete(Turn& turn, const Step& step) {
    if (const auto* pause = std::get_if<Pause>(&step)) return is_pause_over(turn, *pause);
    if (std::holds_alternative<Judge>(step)) {
        // Going back within the window is judged by nobody.
        if (turn.is_within_window()) return true;
        return turn.next.step_run && turn.next.step_run->phase == RunPhase::successful;
    }
    if (std::holds_alternative<Hook>(step)) return turn.is_within_window() || is_hook_done(turn);
    if (std::holds_alternative<SetSideRoute>(step)) return are_side_routes_placed(turn);
    if (std::holds_alternative<Trial>(step)) {
        if (turn.is_within_window()) return true;
        return turn.next.trial && turn.next.trial->phase == RunPhase::successful;
    }
    if (!is_sized(turn)) return false;
    if (!turn.plan.routing || turn.seen.replicas == 0) return true;
    if (const auto* expose = std::get_if<Expose>(&step)) {
        return is_weight_confirmed(turn, expose->weight);
    }
    // A weight that few carry because a person provisioned so does not arrive under another step.
    return turn.seen.split && turn.seen.split->is_settled;
}

std::string describe(const Turn& turn, int index) {
    return "step " + std::to_string(index + 1) + " of " + std::to_string(turn.plan.steps.size());
}

void complete_step(Turn& turn) {
    ReleaseState& next = turn.next;
    const int index = *next.step;
    turn.announce({.news = Announce::News::step_completed, .step = index});
    turn.because(
        "step_completed",
        describe(turn, index) + " is complete",
        next.step_run ? next.step_run->name : "");
    std::erase_if(next.holds, [](const Hold& hold) { return hold.kind == HoldKind::pause_step; });
    if (next.holds.empty()) next.is_holding = false;
    next.step_run.reset();
    next.trial.reset();
    next.step = index + 1;
}

void enter_pause(Turn& turn) {
    const Step* step = turn.current_step();
    if (!step || !std::holds_alternative<Pause>(*step)) return;
    if (turn.has_hold(HoldKind::pause_step) || turn.next.is_holding) return;
    turn.next.holds.push_back({HoldKind::pause_step, whole_seconds(turn.seen.at)});
    turn.next.is_holding = true;
    turn.announce({.news = Announce::News::held, .hold = HoldKind::pause_step});
    turn.because("paused", describe(turn, *turn.next.step) + " is a pause");
    is_complete(turn, *step);  // Sets the alarm.
}

}  // namespace

void advance(Turn& turn) {
    if (turn.plan.flip) return advance_flip(turn);
    ReleaseState& next = turn.next;
    if (const auto reason = ending(turn)) return promote(turn, *reason);
    if (turn.is_promoted()) {
        if (next.step) next.step = static_cast<int>(turn.plan.steps.size());
        next.holds.clear();
        next.is_holding = false;
        return;
    }
    if (next.is_aborted || next.skips_steps || turn.is_halted()) return;
    const Step* step = turn.current_step();
    if (step && is_complete(turn, *step)) complete_step(turn);
    enter_pause(turn);
}

}  // namespace serin::engine
