#include "engine/flip.h"
#include "engine/stages.h"

#include <algorithm>
#include <string>

// Older revisions leave when nothing can need them any more; replicas older than a restart that a
// person asked for are replaced few at a time.

namespace serin::engine {

namespace {

constexpr Duration replace_pace = std::chrono::seconds(30);

void scale_down(Turn& turn, const RevisionSeen& revision, int replicas) {
    if (revision.desired <= replicas) return;
    turn.shrinking.emplace_back(
        Scale{.revision = revision.id, .replicas = replicas, .sized_for = turn.seen.replicas});
    turn.because(
        "retired",
        "old revision " + revision.id + " goes from " + std::to_string(revision.desired) + " to " +
            std::to_string(replicas) + " replicas");
}

// No request can reach an older revision: the services lead elsewhere, or the one that leads there
// gets nothing, and the data plane follows.
bool is_out_of_traffic(const Turn& turn, const RevisionSeen& revision) {
    const ServiceSeen& service = turn.seen.stable_service;
    if (service.revision == revision.id) return false;
    const bool may_follow_late =
        service.in_force &&
        (!service.is_settled ||
         std::ranges::find(*service.in_force, revision.id) != service.in_force->end());
    if (may_follow_late) return false;
    if (turn.seen.candidate_service.revision == revision.id) return is_unexposed(turn);
    if (!turn.seen.split || !turn.seen.split->is_settled) return false;
    return !turn.is_promoted() || is_unexposed(turn);
}

bool is_stable_complete(const Turn& turn) {
    return turn.stable && turn.stable->is_settled && turn.stable->available > 0 &&
           turn.stable->available + turn.slack.unavailable >= turn.seen.replicas;
}

void retire_after_delay(Turn& turn, const RevisionSeen& revision, int& kept) {
    const Routing& routing = *turn.plan.routing;
    const bool is_over_limit = routing.retire_limit && kept >= *routing.retire_limit;
    if (!revision.retire_at && !is_over_limit && routing.retire_delay > Duration::zero()) {
        ++kept;
        const Instant at = whole_seconds(turn.seen.at) + routing.retire_delay;
        turn.shrinking.emplace_back(SetRetireAt{.revision = revision.id, .at = at});
        turn.because(
            "retiring",
            "old revision " + revision.id + " has no traffic and stays for " +
                format_duration(routing.retire_delay));
        turn.wake(at);
        return;
    }
    if (revision.retire_at && turn.seen.at < *revision.retire_at && !is_over_limit) {
        ++kept;
        turn.wake(*revision.retire_at);
        return;
    }
    // Should the new stable side be short of replicas now, the old ones are the last to help.
    if (is_stable_complete(turn) || turn.seen.replicas == 0) scale_down(turn, revision, 0);
}

void retire_with_router(Turn& turn) {
    int kept = 0;
    // What is decided now is not in force yet.
    const bool is_routing = !turn.urgent.empty() || !turn.routing.empty();
    for (const RevisionSeen* other : turn.others) {
        if (other->desired == 0) continue;
        // Where nothing is wanted, the stable revision has no replicas either that a service could
        // be moved to first.
        const bool is_wanted = turn.seen.replicas > 0;
        if (is_wanted && is_last_copy(turn, *other)) {
            turn.wait_for("available replicas beside revision " + other->id);
        } else if (is_wanted && (is_routing || !is_out_of_traffic(turn, *other))) {
            turn.wait_for("traffic to be seen away from revision " + other->id);
        } else if (is_wanted && (turn.is_promoted() || other->retire_at || !is_unexposed(turn))) {
            // The candidate's service may have led there with its weight until a moment ago, and
            // nothing tells when the data plane has followed it.
            retire_after_delay(turn, *other, kept);
        } else {
            scale_down(turn, *other, 0);
        }
    }
}

int serving_of(const RevisionSeen& revision) {
    return std::min(revision.available, revision.desired);
}
int ready_of(const RevisionSeen& revision) {
    return std::clamp(revision.ready, serving_of(revision), revision.desired);
}

void retire_without_router(Turn& turn) {
    int available = turn.candidate ? turn.candidate->available : 0;
    if (turn.stable && turn.stable != turn.candidate) available += turn.stable->available;
    for (const RevisionSeen* other : turn.others) available += other->available;
    int budget = available - (turn.seen.replicas - turn.slack.unavailable);
    if (turn.unsettled()) budget = 0;
    // As long as too few serve, what may come back goes only where a newcomer needs the room; and
    // what is ready, if not for long enough yet, after what is not.
    int hoped_for = std::max(0, turn.seen.replicas - turn.slack.unavailable - available);
    int nearly = 0;
    for (const RevisionSeen* other : turn.others) nearly += ready_of(*other) - serving_of(*other);
    nearly = std::min(nearly, hoped_for);
    hoped_for -= nearly;
    for (const RevisionSeen* other : turn.others) {
        if (other->desired == 0) continue;
        // Of what serves, only what is not needed goes.
        const int serving = serving_of(*other);
        const int removed = std::clamp(budget, 0, serving);
        budget -= removed;
        const int kept = std::min(nearly, ready_of(*other) - serving);
        nearly -= kept;
        const int hoped = std::min(hoped_for, other->desired - ready_of(*other));
        hoped_for -= hoped;
        scale_down(turn, *other, serving - removed + kept + hoped);
    }
}

}  // namespace

bool is_last_copy(const Turn& turn, const RevisionSeen& revision) {
    if (turn.seen.replicas == 0 || revision.available == 0) return false;
    return std::ranges::none_of(turn.seen.revisions, [&](const RevisionSeen& other) {
        return other.id != revision.id && other.is_settled && other.available > 0;
    });
}

void retire_others(Turn& turn) {
    if (do_sizes_rest(turn) || turn.plan.recreates) return;
    if (turn.plan.flip) {
        retire_after_flip(turn);
    } else if (turn.plan.routing) {
        retire_with_router(turn);
    } else {
        retire_without_router(turn);
    }
}

void replace_stale_replicas(Turn& turn) {
    const auto& asked = turn.plan.restart_at;
    if (!asked || turn.next.restarted_at == asked || turn.is_changed) return;
    if (turn.seen.at < *asked) return turn.wake(*asked);
    if (turn.seen.stale_replicas.empty()) {
        turn.next.restarted_at = asked;
        turn.because("restarted", "all replicas are newer than the restart asked for");
        return;
    }
    int available = 0;
    int desired = 0;
    for (const RevisionSeen& revision : turn.seen.revisions) {
        available += revision.available;
        desired += revision.desired;
    }
    const int together = std::max(turn.slack.unavailable, 1);
    int may_go = available - (std::max(turn.seen.replicas, desired) - together);
    if (turn.unsettled()) may_go = 0;
    for (const StaleReplica& replica : turn.seen.stale_replicas) {
        if (may_go-- <= 0) break;
        turn.shrinking.emplace_back(ReplaceReplica{.name = replica.name});
        turn.because("replaced", "replica " + replica.name + " is older than the restart");
    }
    turn.wait_for("older replicas to be replaced");
    turn.wake(turn.seen.at + replace_pace);
}

}  // namespace serin::engine
