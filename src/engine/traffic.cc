#include "base/check.h"
#include "engine/flip.h"
#include "engine/stages.h"

#include <algorithm>
#include <cstdint>
#include <string>

// Weights and services. Two rules hold on every path: weight goes only where replicas are seen to
// carry it, and what is compared is what was seen, the worse of written and in force.

namespace serin::engine {

namespace {

int scaled_up(const Split& split, int weight_max) {
    if (split.total <= 0) return 0;
    const std::int64_t product = std::int64_t{split.candidate} * weight_max;
    return static_cast<int>((product + split.total - 1) / split.total);
}

bool is_weight(const Split& split, int weight, int weight_max) {
    return split.total > 0 &&
           std::int64_t{split.candidate} * weight_max == std::int64_t{weight} * split.total;
}

// The nearest exposure among the steps up to `index`, which may lie past the last.
int exposure_up_to(const Plan& plan, int index) {
    for (int i = std::min(index, static_cast<int>(plan.steps.size()) - 1); i >= 0; --i) {
        if (const auto* expose = std::get_if<Expose>(&plan.steps[static_cast<std::size_t>(i)])) {
            return expose->weight;
        }
    }
    return 0;
}

// The stable side at full size may lack as many replicas as the plan tolerates; beyond that it
// gets no more than its share.
int least_weight_left(const Turn& turn) {
    const RevisionSeen* carrier = turn.find(turn.seen.candidate_service.revision);
    if (!turn.stable || !carrier || carrier == turn.stable) return 0;
    // Nobody is there to keep it for, unless a stable side that was made smaller has to grow first.
    if (carrier->available == 0 && !turn.plan.routing->scales_stable) return 0;
    // Its counts may be of before it was made smaller.
    if (turn.plan.routing->scales_stable && !turn.stable->is_settled) return turn.plan.weight_max;
    const int size = stable_size(turn);
    const int missing = size - turn.stable->available;
    if (turn.stable->available > 0 && missing <= turn.slack.unavailable) return 0;
    return turn.plan.weight_max - weight_of(turn.stable->available, turn.plan.weight_max, size);
}

// Requires: something is written. Going down is bounded by what the stable side carries.
int lowered(const Turn& turn, int target) {
    const int written = scaled_up(turn.seen.split->written, turn.plan.weight_max);
    return std::min(written, std::max(target, least_weight_left(turn)));
}

int raised(const Turn& turn, int written, int target) {
    if (!turn.candidate->is_settled) return written;
    // The stable side keeps the rest only if it can.
    if (!turn.stable || turn.seen.stable_service.revision != turn.next.stable) return written;
    const std::int64_t rest = turn.plan.weight_max - target;
    const std::int64_t needed = rest * turn.seen.replicas / turn.plan.weight_max;
    return turn.stable->available >= needed ? target : written;
}

// The weight that the candidate's available replicas carry, at most `weight`.
int within_capacity(const Turn& turn, int weight) {
    const int needed = replicas_needed(turn, weight);
    const int available = turn.candidate ? turn.candidate->available : 0;
    if (available >= replicas_sufficing(turn, weight)) return weight;
    const int written = scaled_up(turn.seen.split->written, turn.plan.weight_max);
    if (weight <= written && carries_as_before(turn, weight)) return weight;
    return static_cast<int>(std::int64_t{weight} * available / needed);
}

int wanted_weight(const Turn& turn) {
    const int written = scaled_up(turn.seen.split->written, turn.plan.weight_max);
    // Right after a promotion the weight stays until both services lead to the new stable
    // revision: traffic must not return to the old one on the way.
    const bool is_swapped = turn.seen.stable_service.revision == turn.next.stable;
    const bool is_moving = turn.stable && turn.stable->available > 0 && !turn.next.is_aborted;
    if (turn.seen.candidate_service.revision == turn.next.stable && !is_swapped && is_moving) {
        return written;
    }
    if (turn.is_promoted()) return lowered(turn, 0);
    if (turn.next.is_aborted || !turn.candidate || turn.candidate->available == 0 ||
        turn.seen.candidate_service.revision != turn.next.candidate) {
        return lowered(turn, 0);
    }
    const int target = within_capacity(turn, weight_allowed(turn));
    return target <= written ? lowered(turn, target) : raised(turn, written, target);
}

// Rounded down.
int written_share(const Turn& turn, const std::string& service) {
    const Split& written = turn.seen.split->written;
    const auto share = std::ranges::find(written.others, service, &SplitShare::service);
    if (share == written.others.end() || written.total <= 0) return 0;
    return static_cast<int>(std::int64_t{share->weight} * turn.plan.weight_max / written.total);
}

// What the arms of the current step's trial get: while it runs, and in proportion to the replicas
// they have. One that has ended before the trial keeps its replicas for as long as it has a share,
// so it keeps that; but without one they may be on their way out, so it gets none any more. All is
// decided by the plan: that the shares leave enough for the others is its author's care, that there
// is something to share is ours.
std::vector<ArmExposureNote> wanted_arms(const Turn& turn, int candidate_weight) {
    std::vector<ArmExposureNote> arms;
    const Step* step = turn.current_step();
    const auto* trial = step ? std::get_if<Trial>(step) : nullptr;
    const auto& note = turn.next.trial;
    if (!trial || !note || note->phase != RunPhase::running) return arms;
    if (turn.next.is_aborted || turn.is_promoted() || turn.next.skips_steps) return arms;
    const auto run = std::ranges::find(turn.seen.runs, note->name, &RunSeen::name);
    if (run == turn.seen.runs.end() || run->is_stopping) return arms;
    int left = turn.plan.weight_max - candidate_weight;
    for (const TrialShare& share : trial->shares) {
        const auto arm = std::ranges::find(run->arms, share.arm, &TrialArmSeen::name);
        if (arm == run->arms.end() || arm->replicas <= 0 || share.weight <= 0) continue;
        const int available = std::min(arm->available, arm->replicas);
        const auto carried =
            static_cast<int>(std::int64_t{share.weight} * available / arm->replicas);
        int weight = std::min(carried, left);
        if (arm->has_ended) weight = std::min(weight, written_share(turn, arm->service));
        if (weight == 0) continue;
        left -= weight;
        arms.push_back({.service = arm->service, .revision = arm->revision, .weight = weight});
    }
    std::ranges::sort(arms, {}, &ArmExposureNote::service);
    return arms;
}

std::vector<SplitShare> shares_of(const std::vector<ArmExposureNote>& arms) {
    std::vector<SplitShare> shares;
    for (const ArmExposureNote& arm : arms) shares.push_back({arm.service, arm.weight});
    return shares;
}

bool has_shares(const Split& split, const std::vector<SplitShare>& wanted, int weight_max) {
    return std::ranges::equal(split.others, wanted, [&](const auto& left, const auto& right) {
        return left.service == right.service &&
               std::int64_t{left.weight} * weight_max == std::int64_t{right.weight} * split.total;
    });
}

std::string describe_shares(const std::vector<SplitShare>& shares) {
    std::string text;
    for (const SplitShare& share : shares)
        text += (text.empty() ? "" : ", ") + share.service + " " + std::to_string(share.weight);
    return text.empty() ? "nothing" : text;
}

void set_split(Turn& turn) {
    const int weight_max = turn.plan.weight_max;
    const int weight = wanted_weight(turn);
    turn.next.exposure = ExposureNote{
        .candidate_weight = weight,
        .candidate = turn.next.candidate,
        .stable = turn.next.stable,
        .is_verified = is_weight_confirmed(turn, weight),
        .arms = wanted_arms(turn, weight),
    };
    const std::vector<SplitShare> shares = shares_of(turn.next.exposure->arms);
    const bool has_weight = is_weight(turn.seen.split->written, weight, weight_max);
    const bool has_arms = has_shares(turn.seen.split->written, shares, weight_max);
    if (has_weight && has_arms) return;
    const int written = scaled_up(turn.seen.split->written, weight_max);
    const SetSplit action{{.candidate = weight, .total = weight_max, .others = shares}};
    const bool is_falling = weight < written || (!has_arms && shares.empty());
    (is_falling ? turn.urgent : turn.routing).emplace_back(action);
    if (!has_arms)
        turn.because("arms", "beside the release goes to services: " + describe_shares(shares));
    if (has_weight) return;
    turn.because(
        "weight",
        "the candidate's weight goes from " + std::to_string(written) + " to " +
            std::to_string(weight));
}

bool is_fully_available(const RevisionSeen& revision) {
    return revision.desired > 0 && revision.available >= revision.desired;
}

// A service taken over from elsewhere is moved only to a complete revision.
bool may_receive(const RevisionSeen& revision, const ServiceSeen& service) {
    if (!revision.is_settled) return false;
    return service.is_adopted ? revision.available > 0 : is_fully_available(revision);
}

void point_stable_service(Turn& turn) {
    const ServiceSeen& service = turn.seen.stable_service;
    if (!turn.plan.has_stable_service || !turn.stable || service.revision == turn.next.stable) {
        return;
    }
    if (!may_receive(*turn.stable, service)) {
        if (turn.is_promoted()) turn.wait_for("available replicas before the stable service moves");
        return;
    }
    // The last copies that serve are not left for fewer.
    const RevisionSeen* serving = turn.find(service.revision);
    const bool is_short = turn.stable->available + turn.slack.unavailable < turn.seen.replicas;
    if (serving && is_short && serving->available > turn.stable->available) return;
    turn.routing.emplace_back(PointService{ServiceRole::stable, turn.next.stable});
    turn.because("stable_service", "the stable service leads to revision " + turn.next.stable);
}

void point_candidate_service(Turn& turn) {
    const ServiceSeen& service = turn.seen.candidate_service;
    if (!turn.plan.has_candidate_service) return;
    if (turn.plan.routing && turn.plan.routing->alternates &&
        (turn.is_promoted() || turn.next.is_aborted)) {
        return;  // It stays where it is, without weight, until the next candidate.
    }
    const bool is_returning = turn.next.is_aborted && !turn.next.stable.empty();
    const std::string& target = is_returning ? turn.next.stable : turn.next.candidate;
    const RevisionSeen* revision = turn.find(target);
    if (service.revision == target || !revision) return;
    if (is_returning && turn.plan.routing) {
        // Once the weight is to be zero, the candidate leaves the rotation of its service too.
        if (!turn.next.exposure || turn.next.exposure->candidate_weight > 0) return;
    } else {
        if (!may_receive(*revision, service)) return;
        if (turn.plan.routing) {
            // What still flows into this service must not flood the newcomer; how much side routes
            // bring nobody knows.
            if (!turn.seen.split || !turn.seen.split->side_routes.empty()) return;
            const auto exposure = exposure_seen(turn);
            if (!exposure || *exposure > weight_allowed(turn)) return;
            if (revision->available < replicas_sufficing(turn, *exposure)) return;
            // Back to a stable side that was made smaller: from then on it carries everything.
            const bool carries_all = turn.seen.stable_service.revision == target;
            const bool is_short = revision->available + turn.slack.unavailable < turn.seen.replicas;
            if (turn.plan.routing->scales_stable && carries_all && is_short) return;
        }
    }
    turn.routing.emplace_back(PointService{ServiceRole::candidate, target});
    turn.because("candidate_service", "the candidate's service leads to revision " + target);
}

}  // namespace

std::optional<int> exposure_seen(const Turn& turn) {
    if (!turn.seen.split) return std::nullopt;
    const SplitSeen& split = *turn.seen.split;
    const int weight_max = turn.plan.weight_max;
    // Not confirmed: any weight written lately may still come into force, so all of it may.
    if (!split.is_settled) return weight_max;
    const int written = scaled_up(split.written, weight_max);
    return split.in_force ? std::max(written, scaled_up(*split.in_force, weight_max)) : written;
}

bool is_weight_confirmed(const Turn& turn, int weight) {
    if (!turn.seen.split || !turn.seen.split->is_settled || !turn.seen.split->in_force)
        return false;
    return is_weight(turn.seen.split->written, weight, turn.plan.weight_max) &&
           is_weight(*turn.seen.split->in_force, weight, turn.plan.weight_max);
}

int weight_allowed(const Turn& turn) {
    const int weight_max = turn.plan.weight_max;
    if (turn.is_promoted()) return weight_max;
    if (turn.next.is_aborted || turn.next.stable.empty()) return 0;
    const int index = turn.next.step.value_or(0);
    const int target = turn.is_past_steps() ? weight_max : exposure_up_to(turn.plan, index);
    if (is_sized(turn)) return target;
    // While replicas come and go the weight is not raised beyond the former step's. Asked to skip
    // the steps, there is no former step.
    const bool is_exposed =
        turn.seen.split && turn.seen.candidate_service.revision == turn.next.candidate;
    const int written = is_exposed ? scaled_up(turn.seen.split->written, weight_max) : 0;
    const bool is_skipping = turn.next.skips_steps || turn.is_within_window();
    if (is_skipping && turn.plan.routing && turn.plan.routing->scales_stable && turn.candidate) {
        // The stable side cannot stay until all of the candidate is there.
        const int carried = weight_of(turn.candidate->available, weight_max, turn.seen.replicas);
        return written > carried && carries_as_before(turn, written) ? written : carried;
    }
    const int former = is_skipping ? 0 : exposure_up_to(turn.plan, index - 1);
    return std::min(target, std::max(former, written));
}

void place_traffic(Turn& turn) {
    if (!turn.plan.routing) turn.next.exposure.reset();
    if (turn.is_swapped) {
        turn.next.exposure.reset();
        return turn.wake(turn.seen.at);
    }
    if (turn.plan.flip) return place_flip(turn);
    if (turn.plan.routing && turn.seen.split) set_split(turn);
    place_side_routes(turn);
    point_stable_service(turn);
    point_candidate_service(turn);
}

}  // namespace serin::engine
