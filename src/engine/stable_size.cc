#include "engine/stages.h"

#include <algorithm>
#include <cstdint>

// A stable side that is made smaller as weight moves away from it, and grows before weight comes
// back. What it carries is what the data plane was seen to send it.

namespace serin::engine {

namespace {

int rounded_down(const Split& split, int weight_max) {
    if (split.total <= 0) return 0;
    return static_cast<int>(std::int64_t{split.candidate} * weight_max / split.total);
}

// Of the weight, at least so much is seen to reach others than the stable revision; empty while
// anything may be under way.
std::optional<int> weight_seen_away(const Turn& turn) {
    // What cannot be carried there may come back.
    const RevisionSeen* other = turn.find(turn.seen.candidate_service.revision);
    if (!other || other == turn.stable || other->available == 0) return 0;
    if (!turn.seen.split || !turn.seen.split->is_settled || !turn.seen.split->in_force) {
        return std::nullopt;
    }
    if (!other->is_settled) return std::nullopt;
    if (turn.seen.stable_service.revision != turn.next.stable) return std::nullopt;
    const int weight_max = turn.plan.weight_max;
    int sent = std::min(
        rounded_down(turn.seen.split->written, weight_max),
        rounded_down(*turn.seen.split->in_force, weight_max));
    // Nor what has just been decided to come back.
    if (turn.next.exposure) sent = std::min(sent, turn.next.exposure->candidate_weight);
    return std::min(sent, weight_of(other->available, weight_max, turn.seen.replicas));
}

int weight_of_sizes(const Turn& turn) {
    const int weight = weight_of_step(turn);
    const Provision* provision = turn.next.is_aborted ? nullptr : provision_of_step(turn);
    if (!provision) return weight;
    // The size that a person gives says nothing of what the stable side is relieved of.
    return provision->weight ? std::min(weight, *provision->weight) : 0;
}

}  // namespace

int weight_to_return_to(const Turn& turn) {
    if (!turn.plan.routing || !turn.plan.routing->scales_stable || !turn.seen.split) return 0;
    const auto& delay = turn.plan.routing->abort_retire_delay;
    const bool keeps_candidate = delay && *delay > Duration::zero();
    int carried = turn.seen.replicas - (turn.stable ? turn.stable->available : 0);
    if (!keeps_candidate && turn.candidate) {
        carried = std::max(carried, turn.candidate->available);
    }
    const int weight_max = turn.plan.weight_max;
    const int written = rounded_down(turn.seen.split->written, weight_max);
    for (std::size_t i = turn.plan.steps.size(); i-- > 0;) {
        const auto* expose = std::get_if<Expose>(&turn.plan.steps[i]);
        // Each is lower than what is written: replicas that the plan wants at least would
        // otherwise keep the walk at one step for ever.
        if (!expose || expose->weight >= written) continue;
        if (replicas_for(expose->weight, weight_max, turn.seen.replicas) < carried) {
            return expose->weight;
        }
    }
    return 0;
}

int stable_size_wanted(const Turn& turn) {
    const int replicas = turn.seen.replicas;
    if (!turn.plan.routing->scales_stable) return replicas;
    const int weight_max = turn.plan.weight_max;
    const int wanted = replicas_carrying(turn, weight_max - weight_of_sizes(turn));
    const auto away = weight_seen_away(turn);
    if (!away) return std::max(wanted, std::min(turn.stable->desired, replicas));
    return std::max(wanted, replicas_carrying(turn, weight_max - *away));
}

}  // namespace serin::engine
