#include "engine/flip.h"
#include "engine/stages.h"

#include <algorithm>
#include <string_view>
#include <utility>

// Judges: what they found, which are due, and which have to end.

namespace serin::engine {

namespace {

const RunSeen* find_run(const Turn& turn, std::string_view name) {
    for (const RunSeen& run : turn.seen.runs) {
        if (run.name == name) return &run;
    }
    return nullptr;
}

void refresh(const Turn& turn, std::optional<RunNote>& note) {
    if (!note) return;
    if (const RunSeen* run = find_run(turn, note->name)) {
        note->phase = run->phase;
        note->message = run->message;
    }
}

void hold(Turn& turn, HoldKind kind) {
    if (turn.has_hold(kind)) return;
    turn.next.holds.push_back({.kind = kind, .since = whole_seconds(turn.seen.at)});
    turn.next.is_holding = true;
    turn.announce({.news = Announce::News::held, .hold = kind});
}

std::string with_message(std::string text, const RunNote& note) {
    return note.message.empty() ? std::move(text) : std::move(text) + ": " + note.message;
}

AbortCause::Kind cause_of(RunKind kind, bool is_error) {
    using enum AbortCause::Kind;
    switch (kind) {
        case RunKind::step:
            return is_error ? step_run_error : step_run_failed;
        case RunKind::background:
            return is_error ? background_run_error : background_run_failed;
        case RunKind::before_flip:
            return is_error ? before_run_error : before_run_failed;
        case RunKind::after_flip:
            return is_error ? after_run_error : after_run_failed;
        case RunKind::trial:
            return is_error ? trial_error : trial_failed;
    }
    return asked;
}

void follow_verdict(Turn& turn, const std::optional<RunNote>& note, RunKind kind) {
    if (!note || turn.next.is_aborted) return;
    switch (note->phase) {
        case RunPhase::failed:
        case RunPhase::error: {
            const bool is_error = note->phase == RunPhase::error;
            return abort_release(turn, {cause_of(kind, is_error), note->message}, note->name);
        }
        case RunPhase::inconclusive: {
            const HoldKind hold_kind =
                kind == RunKind::trial ? HoldKind::inconclusive_trial : HoldKind::inconclusive;
            if (!turn.has_hold(hold_kind)) {
                turn.because(
                    "inconclusive",
                    with_message("run " + note->name + " could not tell", *note),
                    note->name);
            }
            return hold(turn, hold_kind);
        }
        case RunPhase::pending:
        case RunPhase::running:
        case RunPhase::successful:
            return;
    }
}

bool may_judge(const Turn& turn) {
    return !turn.next.stable.empty() && !turn.is_promoted() && !turn.next.is_aborted &&
           !turn.next.skips_steps && !turn.is_within_window();
}

bool wants_background(const Turn& turn) {
    if (!turn.plan.judge_from || !may_judge(turn)) return false;
    return !turn.next.step || *turn.next.step >= *turn.plan.judge_from;
}

bool wants_step(const Turn& turn) {
    const Step* step = turn.current_step();
    return step && std::holds_alternative<Judge>(*step) && may_judge(turn);
}

bool wants_trial(const Turn& turn) {
    const Step* step = turn.current_step();
    return step && std::holds_alternative<Trial>(*step) && may_judge(turn);
}

// Names derive from what is judged, so a repeated start is the same run. A name that was used up
// (an earlier try) gets the first free number, and so does one of a run under way for what the
// manifest asked before it changed: what that run has measured says nothing about the new steps.
std::string name_run(const Turn& turn, RunKind kind) {
    std::string base = turn.name + "-" + turn.next.candidate + "-" + std::to_string(turn.number());
    if (kind == RunKind::step || kind == RunKind::trial)
        base += "-" + std::to_string(*turn.next.step);
    if (kind == RunKind::before_flip) base += "-pre";
    if (kind == RunKind::after_flip) base += "-post";
    std::string name = base;
    for (int i = 1; i < 1000; ++i) {
        const RunSeen* run = find_run(turn, name);
        if (!run) break;
        const bool is_live = !is_completed(run->phase) && !run->is_stopping;
        if (is_live && run->kind == kind && !turn.is_changed) break;
        name = base + (kind == RunKind::trial ? "-" : ".") + std::to_string(i);
    }
    return name;
}

void keep_run(Turn& turn, std::optional<RunNote>& note, RunKind kind) {
    const bool is_new = !note;
    if (is_new) {
        // A person has to lift a hold first.
        if (!turn.next.holds.empty() && kind != RunKind::background) return;
        note = RunNote{.name = name_run(turn, kind)};
        turn.because("run_started", "run " + note->name + " is due", note->name);
    }
    if (find_run(turn, note->name) || is_completed(note->phase)) return;
    if (!is_new) turn.because("run_started", "run " + note->name + " is not there", note->name);
    turn.judging.emplace_back(StartRun{
        .kind = kind,
        .step = kind == RunKind::step || kind == RunKind::trial ? turn.next.step : std::nullopt,
        .name = note->name,
        .revision = turn.next.candidate});
}

// A note of another step, or of a run that was told to end, says nothing about this one.
void drop_foreign_step_run(Turn& turn) {
    for (std::optional<RunNote>* note : {&turn.next.step_run, &turn.next.trial}) {
        if (!*note) continue;
        const RunSeen* run = find_run(turn, (*note)->name);
        if (run && (run->step != turn.next.step || run->revision != turn.next.candidate))
            note->reset();
    }
}

}  // namespace

void follow_verdicts(Turn& turn) {
    drop_foreign_step_run(turn);
    refresh(turn, turn.next.step_run);
    refresh(turn, turn.next.background_run);
    refresh(turn, turn.next.trial);
    if (turn.next.flip) {
        refresh(turn, turn.next.flip->before_run);
        refresh(turn, turn.next.flip->after_run);
    }
    if (turn.is_promoted() || turn.next.skips_steps) return;
    follow_verdict(turn, turn.next.step_run, RunKind::step);
    follow_verdict(turn, turn.next.background_run, RunKind::background);
    follow_verdict(turn, turn.next.trial, RunKind::trial);
    if (!turn.next.flip || turn.next.flip->is_known) return;
    follow_verdict(turn, turn.next.flip->before_run, RunKind::before_flip);
    follow_verdict(turn, turn.next.flip->after_run, RunKind::after_flip);
}

namespace {

// Their notes stay after the end, for people to see what was found.
void keep_flip_runs(Turn& turn) {
    if (wants_run_before_flip(turn)) {
        keep_run(turn, turn.next.flip->before_run, RunKind::before_flip);
    }
    if (wants_run_after_flip(turn)) keep_run(turn, turn.next.flip->after_run, RunKind::after_flip);
}

bool is_flip_run(const Turn& turn, const std::string& name) {
    const auto is_named = [&](const std::optional<RunNote>& note) {
        return note && note->name == name;
    };
    if (wants_run_before_flip(turn) && is_named(turn.next.flip->before_run)) return true;
    return wants_run_after_flip(turn) && is_named(turn.next.flip->after_run);
}

}  // namespace

void keep_runs(Turn& turn) {
    ReleaseState& next = turn.next;
    drop_foreign_step_run(turn);
    if (wants_step(turn)) {
        keep_run(turn, next.step_run, RunKind::step);
    } else if (!next.is_aborted) {
        next.step_run.reset();
    }
    if (wants_trial(turn)) {
        keep_run(turn, next.trial, RunKind::trial);
    } else if (!next.is_aborted) {
        next.trial.reset();
    }
    const bool is_background_wanted = wants_background(turn);
    if (is_background_wanted) {
        keep_run(turn, next.background_run, RunKind::background);
    } else if (!next.is_aborted) {
        next.background_run.reset();
    }
    keep_flip_runs(turn);
    for (const RunSeen& run : turn.seen.runs) {
        if (is_completed(run.phase) || run.is_stopping || is_flip_run(turn, run.name)) continue;
        const auto is_named = [&](const std::optional<RunNote>& note) {
            return note && note->name == run.name;
        };
        const bool is_current =
            !next.is_aborted &&
            (is_named(next.step_run) || is_named(next.background_run) || is_named(next.trial));
        if (is_current) continue;
        turn.judging.emplace_back(
            StopRun{.name = run.name, .is_trial = run.kind == RunKind::trial});
        turn.because("run_stopped", "run " + run.name + " is not needed any more", run.name);
    }
}

namespace {

void forget_run(Turn& turn, const RunSeen& run, std::string_view why) {
    turn.shrinking.emplace_back(
        RemoveRun{.name = run.name, .is_trial = run.kind == RunKind::trial});
    turn.because("run_forgotten", "run " + run.name + " " + std::string(why));
}

}  // namespace

void forget_history(Turn& turn) {
    const auto is_noted = [&](const std::string& name) {
        const auto is_named = [&](const std::optional<RunNote>& note) {
            return note && note->name == name;
        };
        const auto& flip = turn.next.flip;
        if (flip && (is_named(flip->before_run) || is_named(flip->after_run))) return true;
        return is_named(turn.next.step_run) || is_named(turn.next.background_run) ||
               is_named(turn.next.trial);
    };
    std::vector<const RunSeen*> done;
    for (const RunSeen& run : turn.seen.runs) {
        if (!is_completed(run.phase) || is_noted(run.name)) continue;
        if (turn.find(run.revision)) {
            done.push_back(&run);
        } else {
            forget_run(turn, run, "judged a revision that is gone");
        }
    }
    std::ranges::sort(done, [](const RunSeen* left, const RunSeen* right) {
        return std::pair(right->created, right->name) < std::pair(left->created, left->name);
    });
    int succeeded = 0;
    int failed = 0;
    for (const RunSeen* run : done) {
        const bool is_kept = run->phase == RunPhase::successful
                                 ? ++succeeded <= turn.plan.succeeded_runs_kept
                                 : ++failed <= turn.plan.failed_runs_kept;
        if (!is_kept) forget_run(turn, *run, "is older than those kept");
    }

    // The youngest by its number comes first: going back to a revision makes it young again.
    int idle = 0;
    for (const RevisionSeen* revision : turn.others) {
        if (revision->desired != 0 || revision->current != 0) continue;
        if (++idle <= turn.plan.revisions_kept) continue;
        turn.shrinking.emplace_back(RemoveRevision{.revision = revision->id});
        turn.because(
            "revision_forgotten", "old revision " + revision->id + " is older than those kept");
    }
}

}  // namespace serin::engine
