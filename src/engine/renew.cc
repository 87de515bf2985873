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

namespace {

struct HeldSize {
    const RevisionSeen* revision = nullptr;
    int size = 0;

    int serving() const { return std::min(revision->available, size); }
};

// Extra replicas of a move in progress stay, in proportion; smallest first, so that the largest
// takes what is left by rounding.
void share_room(const Turn& turn, std::vector<HeldSize>& sizes) {
    const int room = turn.seen.replicas == 0 ? 0 : turn.seen.replicas + turn.slack.surge;
    int former = 0;
    for (const HeldSize& one : sizes) former += one.revision->desired;
    std::ranges::stable_sort(sizes, [](const HeldSize& left, const HeldSize& right) {
        return left.revision->desired > right.revision->desired;
    });
    std::ranges::reverse(sizes);
    int left = room;
    for (HeldSize& one : sizes) {
        const bool is_largest = &one == &sizes.back();
        const auto share =
            static_cast<int>(std::int64_t{one.revision->desired} * room / std::max(1, former));
        one.size = is_largest ? left : std::min(left, share);
        left -= one.size;
    }
}

// Proportions say nothing of who serves: what is needed to carry the traffic stays, in place of
// replicas that never got ready.
void keep_serving(const Turn& turn, std::vector<HeldSize>& sizes) {
    int available = 0;
    int serving = 0;
    for (const HeldSize& one : sizes) {
        available += std::min(one.revision->available, one.revision->desired);
        serving += one.serving();
    }
    const int needed = std::min(available, turn.seen.replicas - turn.slack.unavailable);
    // The tolerance may be all replicas; the last one that serves stays nevertheless.
    int missing = std::max(needed, std::min({available, turn.seen.replicas, 1})) - serving;
    int over = 0;
    for (HeldSize& one : sizes) {
        const int could = std::min(one.revision->available, one.revision->desired) - one.size;
        const int kept = std::clamp(missing, 0, std::max(0, could));
        one.size += kept;
        missing -= kept;
        over += kept;
    }
    for (HeldSize& one : sizes) {
        const int spared = std::min(over, one.size - one.serving());
        one.size -= spared;
        over -= spared;
    }
}

}  // namespace

void size_while_held(Turn& turn) {
    std::vector<HeldSize> live;
    bool is_due = false;
    for (const RevisionSeen& revision : turn.seen.revisions) {
        if (revision.desired == 0) continue;
        live.push_back({.revision = &revision});
        is_due = is_due || revision.sized_for != turn.seen.replicas;
    }
    if (live.empty()) {
        // None of the old may be told to run any more, and still be running.
        if (turn.plan.recreates) return size_by_recreating(turn);
        if (turn.candidate) scale(turn, *turn.candidate, turn.seen.replicas);
        return;
    }
    if (live.size() == 1) return scale(turn, *live.front().revision, turn.seen.replicas);
    if (!is_due) return;
    // Nothing shrinks on the strength of replicas that may be gone; their counts come.
    if (turn.unsettled()) return;
    share_room(turn, live);
    keep_serving(turn, live);
    for (const HeldSize& one : live) scale(turn, *one.revision, one.size);
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
