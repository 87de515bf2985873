#include "engine/stages.h"

// A revision can become the stable one before anybody was served by it: the first of all, and one
// that is released while no replicas are wanted. When it never gets ready, the next candidate must
// not wait for it to carry its share of the weight: it carries none.

namespace serin::engine {

namespace {

bool is_available(const RevisionSeen* revision) {
    return revision && revision->available > 0;
}

// The stable service never led to the stable revision, and there is nobody to lead to.
bool is_stable_unreached(const Turn& turn) {
    if (!turn.plan.routing || !turn.plan.has_stable_service) return false;
    if (!turn.candidate || turn.next.stable.empty() || turn.candidate == turn.stable) return false;
    if (turn.seen.stable_service.revision == turn.next.stable) return false;
    // It has no group of replicas: the turn that chose it ended before it made one, and the
    // manifest has changed since. There is nothing to go back to either. A group that is merely not
    // seen yet was never seen to be available, so that no service leads to it.
    if (!turn.stable) return turn.seen.candidate_service.revision != turn.next.stable;
    return !turn.next.is_aborted && turn.stable->is_settled && turn.stable->available == 0;
}

}  // namespace

void forget_unreached_stable(Turn& turn) {
    if (!is_stable_unreached(turn)) return;
    const RevisionSeen* serving = turn.find(turn.seen.stable_service.revision);
    const RevisionSeen* beside = turn.find(turn.seen.candidate_service.revision);
    const std::string unreached = "nobody was ever served by stable revision " + turn.next.stable;
    if (serving == turn.candidate || is_available(serving)) {
        // It has the users still, so that it is what the candidate is compared with.
        turn.next.stable = serving->id;
        turn.because("stable_unreached", unreached + ": " + serving->id + " is it again");
    } else if (beside == turn.candidate || !is_available(beside)) {
        // Nobody serves: as with the first revision there is nothing to protect by steps.
        turn.next.stable.clear();
        turn.because("stable_unreached", unreached + ", and nobody serves");
    }
    turn.sort_revisions();
}

}  // namespace serin::engine
