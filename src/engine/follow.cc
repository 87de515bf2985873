#include "engine/flip.h"
#include "engine/stages.h"

#include <algorithm>
#include <utility>

// What the manifest and people ask for.

namespace serin::engine {

namespace {

std::optional<int> first_step(const Plan& plan) {
    if (plan.steps.empty()) return std::nullopt;
    return 0;
}

std::optional<int> past_last_step(const Plan& plan) {
    if (plan.steps.empty()) return std::nullopt;
    return static_cast<int>(plan.steps.size());
}

void reset(Turn& turn) {
    ReleaseState& next = turn.next;
    next.holds.clear();
    next.is_holding = false;
    next.is_aborted = false;
    next.aborted_at.reset();
    next.abort_cause.reset();
    next.skips_steps = false;
    next.step_run.reset();
    next.trial.reset();
    next.background_run.reset();
    reset_flip(turn);
    next.hooks.clear();
    next.restarted_at = turn.plan.restart_at;
    next.step = first_step(turn.plan);
    const bool is_live = turn.candidate && turn.candidate->desired > 0;
    if (turn.is_promoted() || (turn.is_within_window() && is_live)) {
        next.step = past_last_step(turn.plan);
        if (next.step) turn.announce({.news = Announce::News::steps_skipped});
    }
}

void ask_for_revision(Turn& turn) {
    const int number = turn.number();
    if (!turn.candidate) {
        turn.is_created = true;
        turn.first.emplace_back(CreateRevision{.revision = turn.seen.wanted, .number = number});
        turn.because("revision_created", "revision " + std::to_string(number) + " is new");
    } else if (turn.candidate->number != number) {
        turn.first.emplace_back(Renumber{.revision = turn.seen.wanted, .number = number});
        turn.because(
            "revision_renumbered",
            "an old revision is wanted again, as number " + std::to_string(number));
    }
}

}  // namespace

void follow_manifest(Turn& turn) {
    const ReleaseState& before = turn.before;
    ReleaseState& next = turn.next;
    const bool is_first = before.candidate.empty();
    const bool was_complete = is_first || before.candidate == before.stable;
    const bool is_other_candidate = !is_first && before.candidate != turn.seen.wanted;
    const bool has_other_steps = !is_first && before.steps_digest != turn.plan.steps_digest;

    next.candidate = turn.seen.wanted;
    next.steps_digest = turn.plan.steps_digest;
    if (next.step) {
        const int count = static_cast<int>(turn.plan.steps.size());
        next.step = std::clamp(*next.step, 0, count);
    }
    if (turn.plan.steps.empty()) next.step.reset();
    if (!next.step) next.step = first_step(turn.plan);

    if (is_first || is_other_candidate) turn.announce({.news = Announce::News::updated});
    ask_for_revision(turn);
    if (turn.is_created) turn.announce({.news = Announce::News::created});
    if (was_complete && next.candidate != next.stable) {
        turn.announce({.news = Announce::News::not_completed});
    }
    if (is_first) next.restarted_at = turn.plan.restart_at;
    if (!is_other_candidate && !has_other_steps) return;
    turn.is_changed = true;
    if (is_other_candidate) {
        turn.because("candidate_changed", "the manifest asks for another revision");
    } else {
        turn.because("steps_changed", "the steps were changed: starting from the first");
    }
    reset(turn);
}

namespace {

std::string describe(const AbortCause& cause) {
    using enum AbortCause::Kind;
    const auto told = [&](const char* what) {
        return cause.detail.empty() ? std::string(what) : what + (": " + cause.detail);
    };
    switch (cause.kind) {
        case asked:
            return told("a person aborted");
        case step_run_failed:
            return told("the step's run failed");
        case step_run_error:
            return told("the step's run ended in an error");
        case background_run_failed:
            return told("the background run failed");
        case background_run_error:
            return told("the background run ended in an error");
        case hook_failed:
            return told("a step's plugin failed");
        case trial_failed:
            return told("the step's experiment failed");
        case trial_error:
            return told("the step's experiment ended in an error");
        case deadline:
            return told("no progress within the deadline");
        case before_run_failed:
            return told("the run before the flip failed");
        case before_run_error:
            return told("the run before the flip ended in an error");
        case after_run_failed:
            return told("the run after the flip failed");
        case after_run_error:
            return told("the run after the flip ended in an error");
    }
    return {};
}

}  // namespace

void abort_release(Turn& turn, AbortCause cause, std::string run) {
    ReleaseState& next = turn.next;
    if (turn.is_promoted()) return;
    next.is_aborted = true;
    next.aborted_at = whole_seconds(turn.seen.at);
    next.abort_cause = cause;
    next.holds.clear();
    next.is_holding = false;
    next.skips_steps = false;
    next.step = first_step(turn.plan);
    turn.announce({.news = Announce::News::aborted, .cause = cause});
    turn.because("aborted", describe(cause), std::move(run));
}

namespace {

void retry(Turn& turn) {
    turn.is_retried = true;
    turn.next.aborted_at.reset();
    turn.next.abort_cause.reset();
    turn.next.step_run.reset();
    turn.next.trial.reset();
    turn.next.background_run.reset();
    reset_flip(turn);
    turn.next.hooks.clear();
    turn.because("retried", "a person asked for another try");
}

// A hold that is gone while the engine still holds was lifted by a person. A pause step then ends
// (see advance); a judge that could not tell is asked again.
void resume(Turn& turn) {
    ReleaseState& next = turn.next;
    const auto forget_inconclusive = [](std::optional<RunNote>& note) {
        if (note && note->phase == RunPhase::inconclusive) note.reset();
    };
    forget_inconclusive(next.step_run);
    // A state holds no more of a trial than its name.
    const auto is_undecided = [&](const RunSeen& run) {
        return next.trial && run.name == next.trial->name && run.phase == RunPhase::inconclusive;
    };
    if (std::ranges::any_of(turn.seen.runs, is_undecided)) next.trial.reset();
    forget_inconclusive(next.background_run);
    resume_flip(turn);
    const Step* step = turn.current_step();
    if (!step || !std::holds_alternative<Pause>(*step)) next.is_holding = false;
    turn.because("resumed", "a person resumed");
}

void skip_to_promotion(Turn& turn) {
    ReleaseState& next = turn.next;
    if (turn.is_promoted()) {
        next.skips_steps = false;
        return;
    }
    if (turn.before.step != past_last_step(turn.plan) || !turn.before.holds.empty()) {
        turn.because("steps_skipped", "a person asked to promote without further steps");
    }
    next.holds.clear();
    next.is_holding = false;
    next.is_aborted = false;
    next.aborted_at.reset();
    next.abort_cause.reset();
    next.step = past_last_step(turn.plan);
    skip_flip_checks(turn);
}

}  // namespace

void follow_commands(Turn& turn) {
    ReleaseState& next = turn.next;
    if (turn.is_promoted() && next.is_aborted) {
        next.is_aborted = false;
        next.aborted_at.reset();
        next.abort_cause.reset();
    }
    // An abort just asked for wins over a promotion still under way.
    if (next.is_aborted && !next.aborted_at) {
        abort_release(turn, {});
    } else if (next.skips_steps) {
        skip_to_promotion(turn);
    } else if (!next.is_aborted && next.aborted_at) {
        retry(turn);
    }
    if (next.is_aborted) {
        next.holds.clear();
        next.is_holding = false;
        next.step = first_step(turn.plan);
    }
    if (next.is_holding && next.holds.empty()) resume(turn);
    if (turn.is_within_window() && turn.candidate->desired > 0 && !next.is_aborted) {
        next.step = past_last_step(turn.plan);
    }
}

}  // namespace serin::engine
