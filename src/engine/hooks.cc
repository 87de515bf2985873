#include "engine/stages.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

// Steps that something outside carries out. It is asked, answers in its own time, and is asked
// again until it is done; an answer that got lost is asked for again under the same number.

namespace serin::engine {

namespace {

constexpr Duration ask_again_least = std::chrono::seconds(10);
constexpr Duration ask_again_usual = std::chrono::seconds(30);
// An answer that takes longer than any plugin may was lost with the program that waited for it.
constexpr Duration answer_patience = std::chrono::seconds(40);
// Going back does not wait for ever for one who cannot clean up.
constexpr int clean_up_tries_max = 5;

bool is_over(HookPhase phase) {
    return phase == HookPhase::successful || phase == HookPhase::failed;
}

std::string describe(const HookNote& note) {
    const auto outcome = [&]() -> std::string {
        switch (note.phase) {
            case HookPhase::running:
                return " is at work";
            case HookPhase::successful:
                return " is done";
            case HookPhase::failed:
                return " failed";
            case HookPhase::error:
                return " met an error";
        }
        return {};
    };
    const auto task = [&]() -> std::string {
        switch (note.operation) {
            case HookOperation::run:
                return "plugin ";
            case HookOperation::terminate:
                return "stopping plugin ";
            case HookOperation::abort:
                return "aborting plugin ";
        }
        return {};
    };
    return task() + note.name + " of step " + std::to_string(note.step + 1) + outcome() +
           (note.message.empty() ? "" : ": " + note.message);
}

void take_answer(Turn& turn, HookNote& note) {
    if (is_over(note.phase)) return;
    const auto answer = std::ranges::find_if(turn.seen.hook_answers, [&](const HookAnswer& one) {
        return one.step == note.step && one.operation == note.operation &&
               one.started == note.started && one.execution == note.executions + 1;
    });
    if (answer == turn.seen.hook_answers.end()) return;
    const HookPhase was = note.phase;
    ++note.executions;
    note.phase = answer->phase;
    note.message = answer->message;
    note.updated = whole_seconds(turn.seen.at);
    if (!answer->memory.empty()) note.memory = answer->memory;
    note.again_after = std::max(ask_again_least, answer->again_after.value_or(ask_again_usual));
    const bool gives_up = note.operation != HookOperation::run &&
                          note.executions >= clean_up_tries_max && !is_over(note.phase);
    if (note.phase == HookPhase::error) note.again_after = ask_again_usual;
    if (gives_up) note.phase = HookPhase::failed;
    if (note.phase != was) {
        turn.announce(
            {.news = Announce::News::hook_moved, .step = note.step, .detail = describe(note)});
    }
    if (!is_over(note.phase)) return;
    note.again_after.reset();
    note.finished = note.updated;
    turn.because(note.phase == HookPhase::successful ? "hook_done" : "hook_failed", describe(note));
}

void ask(Turn& turn, const HookNote& note) {
    const Instant due = note.again_after ? note.updated + *note.again_after : note.updated;
    if (turn.seen.at < due) return turn.wake(due);
    turn.judging.emplace_back(CallHook{
        .revision = turn.next.candidate,
        .step = note.step,
        .operation = note.operation,
        .execution = note.executions + 1,
        .started = note.started,
        .memory = note.memory,
    });
    turn.wake(turn.seen.at + answer_patience);
}

HookNote* find_note(Turn& turn, int step, HookOperation operation) {
    for (HookNote& note : turn.next.hooks) {
        if (note.step == step && note.operation == operation) return &note;
    }
    return nullptr;
}

HookNote& add_note(Turn& turn, int step, std::string name, HookOperation operation) {
    const Instant now = whole_seconds(turn.seen.at);
    turn.next.hooks.push_back(
        {.step = step,
         .name = std::move(name),
         .operation = operation,
         .started = now,
         .updated = now});
    return turn.next.hooks.back();
}

// What has run gets word that it was for nothing, the last first.
void undo_hooks(Turn& turn) {
    for (int step = static_cast<int>(turn.plan.steps.size()) - 1; step >= 0; --step) {
        const HookNote* run = find_note(turn, step, HookOperation::run);
        if (!run || run->is_disabled) continue;
        HookNote* undone = find_note(turn, step, HookOperation::abort);
        if (!undone) {
            const std::string memory = run->memory;
            undone = &add_note(turn, step, run->name, HookOperation::abort);
            undone->memory = memory;
        }
        if (is_over(undone->phase)) continue;
        return ask(turn, *undone);
    }
}

// Whoever is still at it when the rest is skipped is told to stop.
void stop_hook(Turn& turn) {
    const auto last = std::ranges::find_if(turn.next.hooks, [](const HookNote& note) {
        return note.operation == HookOperation::run && !is_over(note.phase);
    });
    if (last == turn.next.hooks.end()) return;
    // Adding a note may move the others.
    HookNote run = *last;
    HookNote* stopped = find_note(turn, run.step, HookOperation::terminate);
    if (!stopped) {
        stopped = &add_note(turn, run.step, run.name, HookOperation::terminate);
        stopped->memory = std::move(run.memory);
    }
    if (!is_over(stopped->phase)) ask(turn, *stopped);
}

void run_hook(Turn& turn, const Hook& hook) {
    const int step = *turn.next.step;
    HookNote* note = find_note(turn, step, HookOperation::run);
    if (!note) {
        note = &add_note(turn, step, hook.name, HookOperation::run);
        if (hook.is_disabled) {
            note->is_disabled = true;
            note->phase = HookPhase::successful;
            note->finished = note->started;
        }
    }
    if (note->phase == HookPhase::failed) {
        return abort_release(
            turn,
            {.kind = AbortCause::Kind::hook_failed,
             .detail = "Step Plugin " + std::to_string(step + 1) + " (" + note->name +
                       ") failed: " + note->message});
    }
    if (!is_over(note->phase)) ask(turn, *note);
}

}  // namespace

bool is_hook_done(const Turn& turn) {
    return std::ranges::any_of(turn.next.hooks, [&](const HookNote& note) {
        return note.step == turn.next.step && note.operation == HookOperation::run &&
               note.phase == HookPhase::successful;
    });
}

void follow_hooks(Turn& turn) {
    for (HookNote& note : turn.next.hooks) take_answer(turn, note);
    if (turn.next.is_aborted) return undo_hooks(turn);
    if (turn.next.stable.empty()) return;
    if (turn.is_promoted() || turn.next.skips_steps || turn.is_within_window()) {
        return stop_hook(turn);
    }
    if (turn.is_halted()) return;
    const Step* step = turn.current_step();
    const auto* hook = step ? std::get_if<Hook>(step) : nullptr;
    if (hook) run_hook(turn, *hook);
    if (turn.next.is_aborted) undo_hooks(turn);
}

}  // namespace serin::engine
