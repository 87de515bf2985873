#include "engine/flip.h"

#include "base/check.h"
#include "engine/stages.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace serin::engine {

namespace {

FlipNote& note_of(Turn& turn) {
    SERIN_CHECK(turn.next.flip.has_value());
    return *turn.next.flip;
}

const FlipNote& note_of(const Turn& turn) {
    SERIN_CHECK(turn.next.flip.has_value());
    return *turn.next.flip;
}

bool contains(const std::vector<std::string>& revisions, const std::string& revision) {
    return std::ranges::find(revisions, revision) != revisions.end();
}

bool is_successful(const std::optional<RunNote>& run) {
    return run && run->phase == RunPhase::successful;
}

// Enough for all traffic, counted for the size wanted now.
bool carries_all(const Turn& turn, const RevisionSeen& revision) {
    return revision.is_settled && revision.desired >= turn.seen.replicas &&
           revision.available >= turn.seen.replicas;
}

// The candidate is as large as the plan wants it before the flip, and all of it is available.
bool is_ready(const Turn& turn) {
    if (!turn.candidate || !turn.candidate->is_settled) return false;
    const int wanted = flip_size_wanted(turn);
    return turn.candidate->desired == wanted && turn.candidate->available == wanted;
}

// Nobody has to look at it (again).
bool needs_no_checks(const Turn& turn) {
    return turn.next.skips_steps || turn.is_within_window() || note_of(turn).is_known;
}

std::optional<Ending> ending(const Turn& turn) {
    const ReleaseState& next = turn.next;
    if (next.stable.empty()) return Ending::first;
    if (next.is_aborted || turn.is_promoted() || turn.is_halted()) return std::nullopt;
    if (!note_of(turn).is_cleared || !is_serving_alone(turn, next.candidate)) return std::nullopt;
    // What comes after takes the former replicas away.
    if (!turn.candidate || !carries_all(turn, *turn.candidate)) return std::nullopt;
    if (next.skips_steps) return Ending::asked;
    if (turn.is_within_window()) return Ending::window;
    if (note_of(turn).is_known) return Ending::back_to_stable;
    if (turn.plan.flip->has_judge_after && !is_successful(note_of(turn).after_run)) {
        return std::nullopt;
    }
    return Ending::flipped;
}

void drop_wait(Turn& turn) {
    std::erase_if(
        turn.next.holds, [](const Hold& hold) { return hold.kind == HoldKind::before_flip; });
    if (turn.next.holds.empty()) turn.next.is_holding = false;
}

void clear(Turn& turn, std::string reason) {
    note_of(turn).is_cleared = true;
    drop_wait(turn);
    turn.because("cleared", std::move(reason));
}

void enter_wait(Turn& turn) {
    const Flip& flip = *turn.plan.flip;
    const Instant since = whole_seconds(turn.seen.at);
    turn.next.holds.push_back({HoldKind::before_flip, since});
    turn.next.is_holding = true;
    turn.announce({.news = Announce::News::held, .hold = HoldKind::before_flip});
    turn.because(
        "paused",
        flip.is_automatic
            ? "the candidate is complete: " + format_duration(flip.wait) + " until the flip"
            : "the candidate is complete: a person has to let traffic move");
    if (flip.is_automatic) turn.wake(since + flip.wait);
}

// The wait goes on while replicas are missing, and is over with its time; users move only to a
// complete candidate anyway. Where there is none to look at, it was no wait: there has to be a
// candidate first, and that has a deadline.
void wait_incomplete(Turn& turn, Instant until) {
    if (turn.seen.at < until) return turn.wake(until);
    if (turn.candidate->available > 0) return clear(turn, "the wait before the flip is over");
    drop_wait(turn);
    turn.because(
        "wait_dropped", "nothing is there to look at before the flip: it waits again then");
}

// Ends what precedes the flip, as far as that is due.
void clear_when_due(Turn& turn) {
    if (needs_no_checks(turn)) {
        return clear(
            turn,
            turn.next.skips_steps ? "a person asked to promote without further checks"
                                  : "going back to this revision needs no checks");
    }
    const Flip& flip = *turn.plan.flip;
    const auto hold = std::ranges::find(turn.next.holds, HoldKind::before_flip, &Hold::kind);
    const bool is_waiting = hold != turn.next.holds.end();
    if (flip.has_judge_before && !is_successful(note_of(turn).before_run)) return;
    if (!is_ready(turn)) {
        const bool is_timed = is_waiting && flip.is_automatic && turn.candidate;
        return is_timed ? wait_incomplete(turn, hold->since + flip.wait) : void();
    }
    if (flip.is_automatic && flip.wait == Duration::zero()) {
        return clear(turn, "the candidate is complete and nothing is waited for");
    }
    if (!is_waiting) return enter_wait(turn);
    if (!flip.is_automatic) return;
    const Instant until = hold->since + flip.wait;
    if (turn.seen.at < until) return turn.wake(until);
    clear(turn, "the wait before the flip is over");
}

}  // namespace

void reset_flip(Turn& turn) {
    if (!turn.next.flip) return;
    FlipNote& note = *turn.next.flip;
    note.is_cleared = false;
    note.before_run.reset();
    note.after_run.reset();
    // Only what was stable before has proved itself: a candidate that was aborted or replaced runs
    // on for a while too, and it must not get all traffic unchecked.
    const RevisionSeen* candidate = turn.candidate;
    note.is_known = candidate && candidate->desired > 0 && contains(note.former, candidate->id) &&
                    candidate->retire_at && turn.seen.at < *candidate->retire_at &&
                    !turn.is_retried;
}

void resume_flip(Turn& turn) {
    if (!turn.next.flip) return;
    FlipNote& note = *turn.next.flip;
    for (std::optional<RunNote>* run : {&note.before_run, &note.after_run}) {
        if (*run && (*run)->phase == RunPhase::inconclusive) run->reset();
    }
    const bool is_judged = !turn.plan.flip->has_judge_before || is_successful(note.before_run);
    if (!note.is_cleared && is_judged) note.is_cleared = true;
}

void skip_flip_checks(Turn& turn) {
    if (turn.next.flip && !turn.next.flip->is_cleared) {
        clear(turn, "a person asked to promote without further checks");
    }
}

void advance_flip(Turn& turn) {
    FlipNote& note = note_of(turn);
    std::erase_if(note.former, [&](const std::string& id) {
        const RevisionSeen* revision = turn.find(id);
        return !revision || revision->desired == 0 || id == turn.next.stable;
    });
    if (const auto reason = ending(turn)) {
        if (!turn.next.stable.empty() && turn.next.stable != turn.next.candidate) {
            note.former.push_back(turn.next.stable);
        }
        std::erase(note.former, turn.next.candidate);
        note.is_cleared = false;
        note.is_known = false;
        return promote(turn, *reason);
    }
    if (turn.is_promoted()) {
        turn.next.holds.clear();
        turn.next.is_holding = false;
        return;
    }
    if (turn.next.is_aborted || turn.is_halted() || note.is_cleared) return;
    clear_when_due(turn);
}

namespace {

bool is_away(const Turn& turn, const std::string& revision) {
    const ServiceSeen& service = turn.seen.stable_service;
    if (service.revision.empty() || service.revision == revision) return false;
    if (!service.in_force) return true;
    return service.is_settled && !contains(*service.in_force, revision);
}

// The revision that is to serve users; null: whatever does now.
const RevisionSeen* wanted_server(const Turn& turn) {
    const bool is_foreign = turn.seen.stable_service.revision.empty();
    if (turn.is_halted() && !turn.next.is_aborted && !is_foreign) return nullptr;
    // Out of somebody else's hands first to what is proved: only then may the candidate grow.
    const bool is_safe = !is_foreign || !turn.stable || turn.stable->available == 0;
    const bool goes_forward =
        !turn.is_promoted() && !turn.next.is_aborted && note_of(turn).is_cleared && is_safe;
    return goes_forward ? turn.candidate : turn.stable;
}

bool may_serve_all(const Turn& turn, const RevisionSeen& target) {
    if (turn.seen.replicas == 0 || carries_all(turn, target)) return true;
    const ServiceSeen& service = turn.seen.stable_service;
    // Forward, and out of somebody else's hands, only at full size.
    const bool goes_back =
        &target == turn.stable && !(turn.is_promoted() && service.revision.empty());
    if (!goes_back || target.available == 0) return false;
    const RevisionSeen* serving = turn.find(service.revision);
    if (!serving) return !service.revision.empty() || target.is_settled;
    const int missing = turn.seen.replicas - target.available;
    return missing <= turn.slack.unavailable || target.available >= serving->available;
}

void move_users(Turn& turn) {
    const RevisionSeen* target = wanted_server(turn);
    if (!target || target->id == turn.seen.stable_service.revision) return;
    if (!may_serve_all(turn, *target)) {
        return turn.wait_for(
            std::to_string(turn.seen.replicas) + " available replicas of revision " + target->id);
    }
    const bool goes_back = target == turn.stable;
    const PointService action{ServiceRole::stable, target->id};
    (goes_back ? turn.urgent : turn.routing).emplace_back(action);
    const bool had_all = turn.seen.stable_service.revision.empty();
    turn.because(
        goes_back && !had_all && !turn.is_promoted() ? "flipped_back" : "flipped",
        "all traffic goes " +
            (had_all ? std::string() : "from revision " + turn.seen.stable_service.revision + " ") +
            "to revision " + target->id);
}

}  // namespace

void place_flip(Turn& turn) {
    move_users(turn);
    const std::string& candidate = turn.next.candidate;
    const bool is_due = turn.plan.has_candidate_service && turn.candidate && !turn.is_halted();
    if (!is_due || turn.seen.candidate_service.revision == candidate) return;
    // Nobody depends on what is shown, so it is shown at once, be it without replicas yet.
    turn.routing.emplace_back(PointService{ServiceRole::candidate, candidate});
    turn.because("preview", "the candidate's service leads to revision " + candidate);
}

namespace {

constexpr Duration delay_usual = std::chrono::seconds(30);

bool is_stable_complete(const Turn& turn) {
    return turn.stable && carries_all(turn, *turn.stable);
}

// What it takes for an aborted candidate to leave: seen without traffic, the stable side complete,
// and a while for people to look at it.
int aborted_size(Turn& turn, const RevisionSeen& candidate) {
    const Flip& flip = *turn.plan.flip;
    if (flip.keeps_aborted || candidate.desired == 0 || !is_away(turn, candidate.id)) {
        return candidate.desired;
    }
    if (!candidate.retire_at) {
        if (!is_stable_complete(turn)) return candidate.desired;
        const Instant at = whole_seconds(turn.seen.at) + flip.abort_keep.value_or(delay_usual);
        set_retire_at(turn, candidate, at);
        turn.wake(at);
        return candidate.desired;
    }
    if (turn.seen.at < *candidate.retire_at) {
        turn.wake(*candidate.retire_at);
        return candidate.desired;
    }
    return is_last_copy(turn, candidate) ? candidate.desired : 0;
}

// What serves, or may be serving, or is all there is, keeps its size.
int never_below_users(const Turn& turn, const RevisionSeen& revision, int wanted) {
    if (wanted >= revision.desired) return wanted;
    const bool is_needed = !is_away(turn, revision.id) || is_last_copy(turn, revision);
    return is_needed ? std::min(revision.desired, std::max(wanted, turn.seen.replicas)) : wanted;
}

// Before the service of users selects one revision alone, new replicas would get requests unasked.
bool would_leak(const Turn& turn) {
    return !turn.is_promoted() && turn.stable && turn.stable->available > 0 &&
           turn.seen.stable_service.revision.empty();
}

void size_candidate(Turn& turn, const RevisionSeen& candidate) {
    if (turn.next.is_aborted && turn.stable && turn.stable != turn.candidate) {
        return scale(turn, candidate, aborted_size(turn, candidate));
    }
    set_retire_at(turn, candidate, std::nullopt);
    int wanted = flip_size_wanted(turn);
    if (wanted > candidate.desired && would_leak(turn)) {
        turn.wait_for("the service of users to select the stable revision alone");
        wanted = candidate.desired;
    }
    scale(turn, candidate, never_below_users(turn, candidate, wanted));
}

}  // namespace

void size_flip(Turn& turn) {
    if (turn.stable && turn.stable != turn.candidate) {
        set_retire_at(turn, *turn.stable, std::nullopt);
        scale(turn, *turn.stable, never_below_users(turn, *turn.stable, turn.seen.replicas));
    }
    if (turn.candidate) size_candidate(turn, *turn.candidate);
}

namespace {

void keep_or_retire(Turn& turn, const RevisionSeen& revision, int& kept) {
    const Flip& flip = *turn.plan.flip;
    const bool is_over_limit = flip.retire_limit && kept >= *flip.retire_limit;
    const Duration delay = flip.retire_delay.value_or(delay_usual);
    const bool starts = !revision.retire_at && delay > Duration::zero();
    const bool lasts = revision.retire_at && turn.seen.at < *revision.retire_at;
    if (!is_over_limit && (starts || lasts)) {
        ++kept;
        Instant at = whole_seconds(turn.seen.at) + delay;
        if (revision.retire_at) at = *revision.retire_at;
        turn.wake(at);
        if (starts) {
            turn.shrinking.emplace_back(SetRetireAt{.revision = revision.id, .at = at});
            turn.because(
                "retiring",
                "old revision " + revision.id + " has no traffic and stays at hand for " +
                    format_duration(delay));
        }
        // What may have to take everything back at once is as large as everything needs.
        if (contains(note_of(turn).former, revision.id)) scale(turn, revision, turn.seen.replicas);
        return;
    }
    // Should the new stable side be short of replicas now, the old ones are the last to help.
    if (!is_stable_complete(turn) && turn.seen.replicas > 0) {
        return turn.wait_for("a complete stable revision");
    }
    scale(turn, revision, 0);
}

}  // namespace

void retire_after_flip(Turn& turn) {
    const Flip& flip = *turn.plan.flip;
    const bool is_judging =
        flip.has_judge_after && !turn.is_promoted() && !is_successful(note_of(turn).after_run);
    if (is_judging && !flip.retire_delay && is_serving_alone(turn, turn.next.candidate)) return;
    int kept = 0;
    for (const RevisionSeen* other : turn.others) {
        if (other->desired == 0) continue;
        if (is_last_copy(turn, *other)) {
            turn.wait_for("available replicas beside revision " + other->id);
        } else if (!is_away(turn, other->id)) {
            turn.wait_for("traffic to be seen away from revision " + other->id);
        } else {
            keep_or_retire(turn, *other, kept);
        }
    }
}

namespace {

bool may_judge(const Turn& turn) {
    return !turn.next.stable.empty() && !turn.is_promoted() && !turn.next.is_aborted &&
           !needs_no_checks(turn);
}

}  // namespace

bool wants_run_before_flip(const Turn& turn) {
    if (!turn.plan.flip || !turn.plan.flip->has_judge_before || !may_judge(turn)) return false;
    const FlipNote& note = note_of(turn);
    return !note.is_cleared && (note.before_run || is_ready(turn));
}

bool wants_run_after_flip(const Turn& turn) {
    if (!turn.plan.flip || !turn.plan.flip->has_judge_after || !may_judge(turn)) return false;
    const FlipNote& note = note_of(turn);
    if (!note.is_cleared) return false;
    // Users are there, also when replicas come and go: none of it may wait for a quiet moment.
    return note.after_run || is_serving_alone(turn, turn.next.candidate);
}

bool is_judging_flip(const Turn& turn) {
    const auto is_open = [](const std::optional<RunNote>& run) {
        return !run || !is_completed(run->phase);
    };
    if (wants_run_before_flip(turn) && is_open(turn.next.flip->before_run)) return true;
    return wants_run_after_flip(turn) && is_open(turn.next.flip->after_run);
}

Counts flip_counts(const Turn& turn) {
    Counts counts;
    for (const RevisionSeen& revision : turn.seen.revisions) counts.current += revision.current;
    counts.updated = turn.candidate ? turn.candidate->current : 0;
    const RevisionSeen* serving = turn.find(turn.seen.stable_service.revision);
    if (!serving) serving = turn.stable ? turn.stable : turn.candidate;
    counts.ready = serving ? serving->ready : 0;
    counts.available = serving ? serving->available : 0;
    return counts;
}

int flip_size_wanted(const Turn& turn) {
    const auto& preview = turn.plan.flip->preview_replicas;
    const FlipNote& note = note_of(turn);
    const bool is_checked = note.is_cleared || needs_no_checks(turn);
    if (!preview || turn.next.stable.empty() || turn.is_promoted() || is_checked) {
        return turn.seen.replicas;
    }
    return *preview;
}

bool is_serving_alone(const Turn& turn, const std::string& revision) {
    const ServiceSeen& service = turn.seen.stable_service;
    if (service.revision != revision) return false;
    if (!service.in_force) return true;
    if (!service.is_settled) return false;
    const bool is_nobody_wanted = turn.seen.replicas == 0 && service.in_force->empty();
    return is_nobody_wanted || *service.in_force == std::vector{revision};
}

namespace {

std::string replicas_of(const Turn& turn, int wanted) {
    if (const RevisionSeen* late = turn.unsettled()) {
        return "the replicas of revision " + late->id + " to be counted";
    }
    return std::to_string(wanted) + " available replicas of the candidate";
}

std::string describe_under_way(const Turn& turn) {
    const FlipNote& note = note_of(turn);
    const bool is_served = turn.seen.stable_service.revision == turn.next.candidate;
    if (!note.is_cleared) {
        if (!is_ready(turn)) return replicas_of(turn, flip_size_wanted(turn));
        if (turn.plan.flip->has_judge_before && !is_successful(note.before_run)) {
            return note.before_run ? "run " + note.before_run->name : "a run to start";
        }
        return turn.plan.flip->is_automatic ? "the wait before the flip to end"
                                            : "a person to let traffic move to the candidate";
    }
    if (!turn.candidate || !carries_all(turn, *turn.candidate)) {
        return replicas_of(turn, turn.seen.replicas);
    }
    if (!is_served) return "the service of users to select the candidate";
    if (!is_serving_alone(turn, turn.next.candidate)) {
        return "the data plane to send all requests to the candidate";
    }
    if (turn.plan.flip->has_judge_after && !is_successful(note.after_run)) {
        return note.after_run ? "run " + note.after_run->name : "a run to start";
    }
    return "the next turn";
}

}  // namespace

std::string describe_flip_wait(const Turn& turn) {
    const ReleaseState& next = turn.next;
    if (next.is_aborted) {
        return is_serving_alone(turn, next.stable)
                   ? ""
                   : "all traffic to be seen back on the stable revision";
    }
    if (turn.plan.is_held) return "a person to resume the release";
    if (turn.has_hold(HoldKind::inconclusive)) return "a person to decide: a judge could not tell";
    if (!turn.is_promoted()) return describe_under_way(turn);
    const int available = turn.candidate ? turn.candidate->available : 0;
    if (available < turn.seen.replicas) {
        return std::to_string(turn.seen.replicas) + " available replicas";
    }
    if (!is_serving_alone(turn, next.stable)) {
        return "all traffic to be seen on the stable revision";
    }
    return {};
}

}  // namespace serin::engine
