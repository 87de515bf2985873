#include "engine/stages.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

// Sizes of releases without steps and router, beyond rolling: recreating, and following the wanted
// count while a person holds the release.

namespace serin::engine {

void size_by_recreating(Turn& turn) {
    if (!turn.candidate) return;
    bool is_free = true;
    for (const RevisionSeen& revision : turn.seen.revisions) {
        if (&revision == turn.candidate) continue;
        if (revision.desired > 0) scale(turn, revision, 0);
        is_free = is_free && revision.desired == 0 && revision.current == 0 && revision.is_settled;
    }
    if (is_free) return scale(turn, *turn.candidate, turn.seen.replicas);
    turn.wait_for("the replicas of older revisions to end");
}

void size_while_held(Turn& turn) {
    std::vector<const RevisionSeen*> live;
    int former = 0;
    bool is_due = false;
    for (const RevisionSeen& revision : turn.seen.revisions) {
        if (revision.desired == 0) continue;
        live.push_back(&revision);
        former += revision.desired;
        is_due = is_due || revision.sized_for != turn.seen.replicas;
    }
    if (live.empty()) {
        if (turn.candidate) scale(turn, *turn.candidate, turn.seen.replicas);
        return;
    }
    if (live.size() == 1) return scale(turn, *live.front(), turn.seen.replicas);
    if (!is_due) return;
    // In the middle of a move, the extra replicas of the move stay.
    const int room = turn.seen.replicas == 0 ? 0 : turn.seen.replicas + turn.slack.surge;
    std::ranges::stable_sort(
        live, [](const auto* left, const auto* right) { return left->desired > right->desired; });
    int left = room;
    for (auto one = live.rbegin(); one != live.rend(); ++one) {
        const bool is_largest = std::next(one) == live.rend();
        const auto share =
            static_cast<int>(std::int64_t{(*one)->desired} * room / std::max(1, former));
        const int size = is_largest ? left : std::min(left, share);
        left -= size;
        scale(turn, **one, size);
    }
}

namespace {

// Nothing but the stable revision is needed: it has all replicas, and its service leads there.
bool is_complete(const Turn& turn) {
    if (!turn.is_promoted() || !turn.candidate || !turn.candidate->is_settled) return false;
    if (turn.candidate->available < turn.seen.replicas) return false;
    if (turn.plan.has_stable_service && turn.seen.stable_service.revision != turn.candidate->id) {
        return false;
    }
    return !turn.plan.routing || is_weight_confirmed(turn, 0);
}

}  // namespace

void hand_over(Turn& turn) {
    if (turn.plan.handover == Handover::keep || !turn.seen.source_replicas) return;
    const int present = *turn.seen.source_replicas;
    int wanted = present;
    if (is_complete(turn)) {
        wanted = 0;
    } else if (
        turn.plan.handover == Handover::progressively && turn.candidate && turn.number() == 1 &&
        turn.candidate->is_settled) {
        wanted = std::max(0, turn.seen.replicas - turn.candidate->available);
    }
    if (wanted == present || turn.is_halted()) return;
    (wanted < present ? turn.shrinking : turn.growing).emplace_back(ScaleSource{wanted});
    turn.because(
        "handed_over",
        "the workload with the template goes from " + std::to_string(present) + " to " +
            std::to_string(wanted) + " replicas");
}

}  // namespace serin::engine
