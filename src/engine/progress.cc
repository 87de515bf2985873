#include "engine/flip.h"
#include "engine/stages.h"

#include <algorithm>
#include <chrono>
#include <string>

// Whether a release gets on, until when it must, and what it waits for.

namespace serin::engine {

namespace {

bool is_overdue(const Turn& turn) {
    using enum Progress::Kind;
    const Progress& progress = turn.before.progress;
    if (progress.kind == timed_out) return true;
    if (progress.kind == none || progress.kind == arrived || progress.kind == aborted) return false;
    if (progress.kind == held) return false;
    return turn.seen.at > progress.at + turn.plan.progress_deadline;
}

// Steps that wait for time or a verdict, and a delay of old replicas, are no lack of progress.
bool is_deadline_stopped(const Turn& turn) {
    if (turn.is_halted() || !turn.next.holds.empty()) return true;
    if (is_judging_flip(turn)) return true;
    const Step* step = turn.current_step();
    if (step && !turn.is_promoted() &&
        (std::holds_alternative<Pause>(*step) || std::holds_alternative<Judge>(*step) ||
         std::holds_alternative<Trial>(*step))) {
        return true;
    }
    return std::ranges::any_of(turn.others, [&](const RevisionSeen* other) {
        return other->retire_at && *other->retire_at > turn.seen.at && other->desired > 0;
    });
}

}  // namespace

void follow_deadline(Turn& turn) {
    if (!turn.plan.aborts_at_deadline || turn.next.is_aborted || turn.is_changed) return;
    if (turn.next.stable.empty() || turn.is_promoted() || is_deadline_stopped(turn)) return;
    if (!is_overdue(turn)) return;
    abort_release(turn, {.kind = AbortCause::Kind::deadline});
}

namespace {

std::string describe_shortage(const Turn& turn, int weight) {
    const int available = turn.candidate ? turn.candidate->available : 0;
    const int wanted = candidate_size_wanted(turn);
    if (const RevisionSeen* late = turn.unsettled()) {
        return "the replicas of revision " + late->id + " to be counted";
    }
    if (available < wanted) {
        return std::to_string(wanted) + " available replicas of the candidate";
    }
    if (!is_sized(turn)) {
        const bool is_kept = turn.plan.routing && turn.candidate &&
                             turn.candidate->desired > wanted && turn.seen.split &&
                             !turn.seen.split->is_settled;
        return is_kept ? "the data plane to settle before replicas go" : "replicas to come and go";
    }
    if (!turn.plan.routing) return "the next turn";
    if (!turn.seen.split) return "the router to answer";
    if (turn.seen.candidate_service.revision != turn.next.candidate) {
        return "the candidate's service to select it";
    }
    const bool is_held_back = turn.next.exposure && turn.next.exposure->candidate_weight != weight;
    if (is_held_back && turn.seen.stable_service.revision != turn.next.stable) {
        return "the stable service to select revision " + turn.next.stable;
    }
    if (is_held_back) {
        return "available replicas of the stable revision for its share beside weight " +
               std::to_string(weight);
    }
    return "the data plane to confirm weight " + std::to_string(weight);
}

std::string describe_wait(const Turn& turn) {
    const ReleaseState& next = turn.next;
    if (turn.plan.flip) return describe_flip_wait(turn);
    if (next.is_aborted) {
        if (turn.plan.routing && !is_unexposed(turn)) {
            return "all traffic to be seen back on the stable revision";
        }
        return {};
    }
    if (turn.plan.is_held) return "a person to resume the release";
    if (turn.has_hold(HoldKind::inconclusive_trial))
        return "a person to decide: an experiment could not tell";
    if (turn.has_hold(HoldKind::inconclusive)) return "a person to decide: a judge could not tell";
    if (turn.is_promoted()) {
        const int available = turn.candidate ? turn.candidate->available : 0;
        if (available < turn.seen.replicas) {
            return std::to_string(turn.seen.replicas) + " available replicas";
        }
        if (turn.plan.routing && !is_unexposed(turn)) {
            return "all traffic to be seen on the stable service";
        }
        return {};
    }
    const Step* step = turn.current_step();
    if (!step) return describe_shortage(turn, turn.plan.weight_max);
    if (const auto* pause = std::get_if<Pause>(step)) {
        return pause->duration ? "the pause to end" : "a person to resume";
    }
    if (const auto* hook = std::get_if<Hook>(step)) return "plugin " + hook->name;
    if (std::holds_alternative<Trial>(*step)) {
        return next.trial ? "experiment " + next.trial->name : "an experiment to start";
    }
    if (std::holds_alternative<Judge>(*step)) {
        return next.step_run ? "run " + next.step_run->name : "a run to start";
    }
    if (const auto* set = std::get_if<SetSideRoute>(step)) {
        const bool is_there = turn.candidate && turn.candidate->available > 0;
        return is_there ? "the data plane to confirm route " + set->name
                        : "available replicas of the candidate for route " + set->name;
    }
    return describe_shortage(turn, weight_allowed(turn));
}

bool has_flipped(const std::optional<FlipNote>& before, const std::optional<FlipNote>& next) {
    return before && next &&
           (before->serving != next->serving || before->previewed != next->previewed);
}

bool has_moved(const Turn& turn) {
    const ReleaseState& before = turn.before;
    const ReleaseState& next = turn.next;
    const Counts& was = before.counts;
    const Counts& is = next.counts;
    // Counts are of all revisions together. Replicas of others that come and go get a candidate
    // without a single one that is ready no further, and its deadline has to come.
    const bool has_ready = turn.candidate && turn.candidate->ready > 0;
    return was.updated != is.updated || is.current - is.updated < was.current - was.updated ||
           (has_ready && (is.ready > was.ready || is.available > was.available)) ||
           before.stable != next.stable || before.step != next.step ||
           before.steps_digest != next.steps_digest || has_flipped(before.flip, next.flip);
}

bool is_arrived(const Turn& turn) {
    const Counts& counts = turn.next.counts;
    const int available = turn.candidate ? turn.candidate->available : 0;
    if (turn.plan.flip && !is_serving_alone(turn, turn.next.stable)) return false;
    return turn.is_promoted() && turn.candidate && turn.candidate->is_settled &&
           counts.updated == turn.seen.replicas && available == turn.seen.replicas;
}

Progress::Kind progress_kind(const Turn& turn) {
    using enum Progress::Kind;
    const Progress::Kind was = turn.before.progress.kind;
    if (turn.next.is_aborted) return aborted;
    if (turn.plan.is_held || !turn.next.holds.empty()) return held;
    if (turn.is_retried || (was == aborted && !turn.is_changed)) return retried;
    if (turn.is_created) return created;
    if (was == held && !turn.is_changed) return resumed;
    if (turn.is_changed || was == none) return found;
    if (is_arrived(turn)) return arrived;
    if (has_moved(turn)) return was == arrived ? lost_replicas : advancing;
    if (was == arrived) return lost_replicas;
    if (!is_deadline_stopped(turn) && is_overdue(turn)) return timed_out;
    return was;
}

}  // namespace

void note_progress(Turn& turn) {
    using enum Progress::Kind;
    ReleaseState& next = turn.next;
    next.counts = {};
    for (const RevisionSeen& revision : turn.seen.revisions) {
        next.counts.current += revision.current;
        next.counts.ready += revision.ready;
        next.counts.available += revision.available;
    }
    next.counts.updated = turn.candidate ? turn.candidate->current : 0;
    if (turn.plan.flip) {
        next.counts = flip_counts(turn);
        next.flip->serving = turn.seen.stable_service.revision;
        next.flip->previewed = turn.seen.candidate_service.revision;
    }

    const Progress::Kind was = turn.before.progress.kind;
    const Progress::Kind is = progress_kind(turn);
    if (is != was || (is == advancing && has_moved(turn))) {
        next.progress = {.kind = is, .at = whole_seconds(turn.seen.at)};
    }
    if (was == held && is != held && is != aborted) {
        turn.announce({.news = Announce::News::resumed});
    }
    if (is == held && was != held && next.holds.empty()) {
        turn.announce({.news = Announce::News::held});
        turn.because("held", "a person holds the release");
    }
    if (is == timed_out && was != timed_out) {
        turn.because(
            "deadline", "no progress within " + format_duration(turn.plan.progress_deadline));
    }
    const bool is_counting = is != arrived && is != held && is != aborted && is != timed_out;
    if (is_counting && !is_deadline_stopped(turn)) {
        turn.wake(next.progress.at + turn.plan.progress_deadline + std::chrono::seconds(1));
    }
    turn.wait_for(describe_wait(turn));
}

}  // namespace serin::engine
