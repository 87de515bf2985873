#include "engine/flip.h"
#include "engine/stages.h"

#include <algorithm>
#include <string>
#include <utility>

// How many replicas stable and candidate have.

namespace serin::engine {

namespace {

constexpr Duration abort_retire_delay_usual = std::chrono::seconds(30);

// At a size of `size` replicas.
int carrying_at(const Turn& turn, int weight, int size) {
    const int replicas = replicas_for(weight, turn.plan.weight_max, size);
    if (replicas == 0 || !turn.plan.routing) return replicas;
    return std::max(replicas, std::min(turn.plan.routing->replicas_min, size));
}

int exposure_at(const Plan& plan, int index) {
    for (int i = index; i >= 0; --i) {
        if (const auto* expose = std::get_if<Expose>(&plan.steps[static_cast<std::size_t>(i)])) {
            return expose->weight;
        }
    }
    return 0;
}

bool wants_all(const Turn& turn) {
    if (turn.is_promoted() || turn.next.stable.empty()) return true;
    return !turn.next.is_aborted && turn.is_past_steps();
}

bool ends_without_delay(const Turn& turn) {
    return turn.plan.routing && turn.plan.routing->abort_retire_delay == Duration::zero();
}

// See carries_as_before and stable_size: until who has users has what a larger size asks for, it is
// known for the former one.
int size_to_note(const Turn& turn, const RevisionSeen& revision) {
    const int now = turn.seen.replicas;
    if (!turn.plan.routing || turn.is_promoted()) return now;
    if (!revision.sized_for || *revision.sized_for >= now) return now;
    if (&revision == turn.stable && &revision != turn.candidate) {
        if (turn.plan.routing->scales_stable) return now;
        return now - revision.available <= turn.slack.unavailable ? now : *revision.sized_for;
    }
    if (&revision != turn.candidate) return now;
    const int exposure = exposure_seen(turn).value_or(turn.plan.weight_max);
    return revision.available >= replicas_sufficing(turn, exposure) ? now : *revision.sized_for;
}

}  // namespace

void scale(Turn& turn, const RevisionSeen& revision, int replicas) {
    const int sized_for = size_to_note(turn, revision);
    const bool is_set =
        revision.sized_for == sized_for && revision.ready_for == turn.plan.ready_for;
    if (revision.desired == replicas && is_set) return;
    auto& part = replicas < revision.desired ? turn.shrinking : turn.growing;
    part.emplace_back(Scale{.revision = revision.id, .replicas = replicas, .sized_for = sized_for});
    if (revision.desired == replicas) {
        return turn.because(
            "size_noted",
            "revision " + revision.id + " keeps its " + std::to_string(replicas) +
                " replicas under changed settings");
    }
    turn.because(
        "scaled",
        "revision " + revision.id + " goes from " + std::to_string(revision.desired) + " to " +
            std::to_string(replicas) + " replicas");
}

void set_retire_at(Turn& turn, const RevisionSeen& revision, std::optional<Instant> at) {
    if (revision.retire_at == at) return;
    turn.shrinking.emplace_back(SetRetireAt{.revision = revision.id, .at = at});
    turn.because(
        at ? "retiring" : "kept",
        at ? "the aborted revision " + revision.id + " has no traffic and stays until " +
                 format_time(*at)
           : "revision " + revision.id + " is needed again");
}

namespace {

// An aborted candidate stays at hand for a while, counted from when it is seen to have no traffic
// and the stable side to be complete.
int aborted_size(Turn& turn, const RevisionSeen& candidate) {
    const Routing& routing = *turn.plan.routing;
    if (ends_without_delay(turn)) return candidate_size_wanted(turn);
    if (routing.scales_stable && !routing.abort_retire_delay) return candidate_size_wanted(turn);
    if (candidate.desired == 0) return 0;
    if (!is_unexposed(turn)) return candidate.desired;
    if (!candidate.retire_at) {
        if (!turn.stable || !turn.stable->is_settled ||
            turn.stable->available < turn.seen.replicas) {
            return candidate.desired;
        }
        const Duration delay = routing.abort_retire_delay.value_or(abort_retire_delay_usual);
        const Instant at = whole_seconds(turn.seen.at) + delay;
        set_retire_at(turn, candidate, at);
        turn.wake(at);
        return candidate.desired;
    }
    if (turn.seen.at < *candidate.retire_at) {
        turn.wake(*candidate.retire_at);
        return candidate.desired;
    }
    return 0;
}

// The candidate keeps what may still be asked of it.
int never_below_exposure(const Turn& turn, const RevisionSeen& candidate, int wanted) {
    if (wanted >= candidate.desired) return wanted;
    if (turn.seen.replicas == 0) return wanted;  // Nobody is to be served, whatever the weight.
    if (is_last_copy(turn, candidate)) {
        return std::min(candidate.desired, std::max(wanted, turn.seen.replicas));
    }
    if (turn.seen.stable_service.revision == candidate.id) {
        // It carries the stable side, whatever the plan calls it.
        wanted = std::min(candidate.desired, std::max(wanted, turn.seen.replicas));
    }
    const auto exposure = exposure_seen(turn);
    if (turn.seen.candidate_service.revision != candidate.id) {
        // Its service may have led here a moment ago, and any weight of then may come into force.
        const bool is_settled = turn.seen.split && turn.seen.split->is_settled;
        return is_settled ? wanted : candidate.desired;
    }
    if (!exposure) return candidate.desired;
    if (wanted == 0 && !turn.seen.split->side_routes.empty()) return candidate.desired;
    return std::min(candidate.desired, std::max(wanted, replicas_needed(turn, *exposure)));
}

// Before the stable service selects its own revision alone, a candidate's replicas would receive
// requests past every weight.
bool would_leak(const Turn& turn) {
    if (turn.is_promoted() || turn.next.stable.empty() || !turn.stable) return false;
    return turn.seen.stable_service.revision.empty() && turn.stable->available > 0;
}

void size_with_router(Turn& turn) {
    if (turn.stable && turn.stable != turn.candidate) {
        scale(turn, *turn.stable, stable_size_wanted(turn));
        set_retire_at(turn, *turn.stable, std::nullopt);
    }
    if (!turn.candidate) return;
    const RevisionSeen& candidate = *turn.candidate;
    int wanted = candidate_size_wanted(turn);
    if (turn.next.is_aborted && turn.stable && turn.stable != turn.candidate) {
        wanted = aborted_size(turn, candidate);
    } else {
        set_retire_at(turn, candidate, std::nullopt);
        if (wanted > candidate.desired && would_leak(turn)) {
            turn.wait_for("the stable service to select the stable revision alone");
            wanted = candidate.desired;
        }
    }
    scale(turn, candidate, never_below_exposure(turn, candidate, wanted));
}

void size_without_router(Turn& turn) {
    if (!turn.candidate) return;
    const auto size_of = [](const RevisionSeen* revision) -> std::optional<GroupSize> {
        if (!revision) return std::nullopt;
        return GroupSize{
            .desired = revision->desired,
            .available = revision->available,
            .ready = revision->ready};
    };
    const bool has_stable = turn.stable && turn.stable != turn.candidate;
    BasicMove move{
        .replicas = turn.seen.replicas,
        .slack = turn.slack,
        .target = {.candidate = turn.seen.replicas, .stable = 0},
        .candidate = size_of(turn.candidate),
        .stable = has_stable ? size_of(turn.stable) : std::nullopt,
    };
    if (has_stable) {
        move.target = approximate(
            turn.seen.replicas, weight_of_step(turn), turn.plan.weight_max, turn.slack.surge);
    }
    for (const RevisionSeen* other : turn.others) {
        move.others_desired += other->desired;
        move.others_available += std::min(other->available, other->desired);
    }
    Pair sizes = next_sizes(move);
    if (turn.unsettled()) {
        // Nothing shrinks on the strength of replicas that may be gone.
        sizes.candidate = std::max(sizes.candidate, turn.candidate->desired);
        if (has_stable) sizes.stable = std::max(sizes.stable, turn.stable->desired);
    }
    if (has_stable) scale(turn, *turn.stable, sizes.stable);
    scale(turn, *turn.candidate, sizes.candidate);
}

}  // namespace

int replicas_carrying(const Turn& turn, int weight) {
    return carrying_at(turn, weight, turn.seen.replicas);
}

const Provision* provision_of_step(const Turn& turn) {
    if (!turn.current_step()) return nullptr;
    for (int i = *turn.next.step; i >= 0; --i) {
        const auto* found = std::get_if<Provision>(&turn.plan.steps[static_cast<std::size_t>(i)]);
        if (found) return found->replicas || found->weight ? found : nullptr;
    }
    return nullptr;
}

int weight_of_step(const Turn& turn) {
    if (wants_all(turn)) return turn.plan.weight_max;
    if (turn.next.is_aborted) return weight_to_return_to(turn);
    return exposure_at(turn.plan, *turn.next.step);
}

namespace {

int candidate_size_at(const Turn& turn, int size) {
    if (!turn.plan.routing) {
        if (!turn.stable || turn.stable == turn.candidate) return size;
        return approximate(size, weight_of_step(turn), turn.plan.weight_max, turn.slack.surge)
            .candidate;
    }
    if (wants_all(turn)) return size;
    const bool reads_provision = !turn.next.is_aborted || ends_without_delay(turn);
    if (const Provision* provision = reads_provision ? provision_of_step(turn) : nullptr) {
        return provision->replicas ? *provision->replicas
                                   : carrying_at(turn, *provision->weight, size);
    }
    return carrying_at(turn, weight_of_step(turn), size);
}

int needed_at(const Turn& turn, int weight, int size) {
    if (weight <= 0) return 0;
    const int all = std::max(1, carrying_at(turn, weight, size));
    // A person who provisions fewer than the weight asks for says that they suffice.
    if (turn.next.is_aborted || wants_all(turn)) return all;
    if (weight > exposure_at(turn.plan, *turn.next.step)) return all;
    return std::max(1, std::min(all, candidate_size_at(turn, size)));
}

}  // namespace

int candidate_size_wanted(const Turn& turn) {
    return candidate_size_at(turn, turn.seen.replicas);
}

int replicas_needed(const Turn& turn, int weight) {
    return needed_at(turn, weight, turn.seen.replicas);
}

int replicas_sufficing(const Turn& turn, int weight) {
    return enough_of(turn.plan, replicas_needed(turn, weight));
}

bool carries_as_before(const Turn& turn, int weight) {
    if (!turn.plan.routing || !turn.candidate || !turn.candidate->sized_for) return false;
    const int former = *turn.candidate->sized_for;
    if (former <= 0 || former >= turn.seen.replicas) return false;
    return turn.candidate->available >= enough_of(turn.plan, needed_at(turn, weight, former));
}

int stable_size(const Turn& turn) {
    const int now = turn.seen.replicas;
    if (!turn.plan.routing || turn.plan.routing->scales_stable || !turn.stable) return now;
    const int former = turn.stable->sized_for.value_or(now);
    return former > 0 ? std::min(former, now) : now;
}

namespace {

bool is_candidate_sized(const Turn& turn) {
    const int wanted = candidate_size_wanted(turn);
    if (turn.plan.enough) return turn.candidate->available >= enough_of(turn.plan, wanted);
    return turn.candidate->desired == wanted && turn.candidate->available == wanted;
}

bool is_stable_sized(const Turn& turn) {
    if (!turn.stable || turn.stable == turn.candidate) return true;
    if (turn.plan.routing && turn.plan.routing->scales_stable) return true;
    int wanted = turn.seen.replicas;
    if (!turn.plan.routing) {
        wanted = approximate(wanted, weight_of_step(turn), turn.plan.weight_max, turn.slack.surge)
                     .stable;
    }
    return turn.stable->desired == wanted && turn.stable->current == wanted;
}

}  // namespace

namespace {

// A candidate that the manifest no longer asks for has users still.
bool has_traffic_replaced(const Turn& turn) {
    if (!turn.plan.routing || !turn.seen.split) return false;
    const std::string& leads_to = turn.seen.candidate_service.revision;
    if (leads_to == turn.next.candidate || leads_to == turn.next.stable) return false;
    return !is_unexposed(turn);
}

// While a person holds the release, sizes rest; but what has to take all traffic back gets the
// replicas for it. Nothing else would let the weight leave a candidate that is rejected.
void grow_to_take_back(Turn& turn) {
    if (!turn.stable || !(turn.plan.routing || turn.plan.flip)) return;
    int wanted = turn.stable->desired;
    if (turn.is_promoted()) {
        // Back to it by the manifest: it is the candidate itself.
        const bool has_weight_elsewhere = turn.seen.split && !is_unexposed(turn);
        if (turn.plan.routing && has_weight_elsewhere) wanted = turn.seen.replicas;
    } else if (turn.next.is_aborted) {
        wanted = turn.plan.routing ? stable_size_wanted(turn) : turn.seen.replicas;
    } else if (has_traffic_replaced(turn)) {
        wanted = turn.seen.replicas;
    }
    if (wanted > turn.stable->desired) scale(turn, *turn.stable, wanted);
}

}  // namespace

bool is_sized(const Turn& turn) {
    if (!turn.candidate || !turn.candidate->is_settled) return false;
    if (turn.stable && !turn.stable->is_settled) return false;
    if (!is_candidate_sized(turn) || !is_stable_sized(turn)) return false;
    if (turn.plan.routing) return true;
    return std::ranges::all_of(
        turn.others, [](const RevisionSeen* other) { return other->available == 0; });
}

bool do_sizes_rest(const Turn& turn) {
    if (!turn.is_halted()) return false;
    // Without a router an aborted candidate has users for as long as it has replicas.
    const bool are_sizes_traffic =
        !turn.plan.routing && !turn.plan.flip && !turn.plan.scales_while_held;
    return !turn.next.is_aborted || !are_sizes_traffic;
}

void size_revisions(Turn& turn) {
    if (do_sizes_rest(turn)) {
        if (turn.plan.scales_while_held) size_while_held(turn);
        return grow_to_take_back(turn);
    }
    if (turn.plan.flip) {
        size_flip(turn);
    } else if (turn.plan.routing) {
        size_with_router(turn);
    } else if (turn.plan.recreates) {
        size_by_recreating(turn);
    } else {
        size_without_router(turn);
    }
}

}  // namespace serin::engine
