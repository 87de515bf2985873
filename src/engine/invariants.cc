#include "engine/invariants.h"

#include "engine/replicas.h"

#include <algorithm>
#include <cstdint>

namespace serin::engine {

namespace {

struct Question {
    const Release& release;
    const Observation& seen;
    const Decision& decision;
    std::vector<std::string> broken;

    const RevisionSeen* find(const std::string& id) const {
        const auto found = std::ranges::find(seen.revisions, id, &RevisionSeen::id);
        return found == seen.revisions.end() ? nullptr : &*found;
    }

    int parts(const Split& split) const {
        if (split.total <= 0) return 0;
        const std::int64_t product = std::int64_t{split.candidate} * release.plan.weight_max;
        return static_cast<int>((product + split.total - 1) / split.total);
    }

    // The worse of written and in force; all while anything may be under way.
    int exposure() const {
        if (!seen.split || !seen.split->is_settled) return release.plan.weight_max;
        const int written = parts(seen.split->written);
        return seen.split->in_force ? std::max(written, parts(*seen.split->in_force)) : written;
    }

    int replicas_for(int weight) const {
        return engine::replicas_for(weight, release.plan.weight_max, seen.replicas);
    }

    // So many of them a person says suffice.
    int enough_for(int weight) const { return enough_of(release.plan, replicas_for(weight)); }

    // The replicas that the stable service's revision needs: all, unless the plan lets go of those
    // whose weight is seen elsewhere.
    int needed_for_stable() const {
        const bool is_shrinking = release.plan.routing && release.plan.routing->scales_stable;
        const bool is_split = seen.candidate_service.revision != seen.stable_service.revision;
        if (!is_shrinking || !is_split || !seen.split || !seen.split->is_settled ||
            !seen.split->in_force) {
            return seen.replicas;
        }
        const std::int64_t weight_max = release.plan.weight_max;
        const auto away = [&](const Split& split) {
            return split.total <= 0 ? 0 : split.candidate * weight_max / split.total;
        };
        const std::int64_t least = std::min(away(seen.split->written), away(*seen.split->in_force));
        return replicas_for(static_cast<int>(weight_max - least));
    }

    // The highest weight that any step up to the current one asks for.
    int step_limit() const {
        const ReleaseState& next = decision.next;
        const auto count = static_cast<int>(release.plan.steps.size());
        if (!next.step || *next.step >= count) return release.plan.weight_max;
        for (int i = *next.step; i >= 0; --i) {
            const auto& step = release.plan.steps[static_cast<std::size_t>(i)];
            if (const auto* expose = std::get_if<Expose>(&step)) return expose->weight;
        }
        return 0;
    }

    // The replicas that a person provisions for the current step; empty when the weight decides.
    std::optional<int> provisioned() const {
        const ReleaseState& next = decision.next;
        const auto count = static_cast<int>(release.plan.steps.size());
        if (!next.step || *next.step >= count) return std::nullopt;
        for (int i = *next.step; i >= 0; --i) {
            const auto& step = release.plan.steps[static_cast<std::size_t>(i)];
            const auto* provision = std::get_if<Provision>(&step);
            if (!provision) continue;
            if (provision->replicas) return provision->replicas;
            if (provision->weight) return replicas_for(*provision->weight);
            return std::nullopt;
        }
        return std::nullopt;
    }

    // A provision may say that fewer replicas suffice for the step's weight: then so many carry
    // their part of it.
    bool is_provisioned(int available, int weight) const {
        const auto count = provisioned();
        if (!count || available <= 0) return false;
        return available >= enough_of(release.plan, *count) ||
               std::int64_t{weight} * *count <= std::int64_t{available} * step_limit();
    }
};

bool has_risen(const Question& question, const Split& split, const std::string& service) {
    const auto share = [&](const Split& of) {
        const auto found = std::ranges::find(of.others, service, &SplitShare::service);
        return found == of.others.end() || of.total <= 0
                   ? std::int64_t{0}
                   : std::int64_t{found->weight} * question.release.plan.weight_max / of.total;
    };
    const auto& seen = question.seen.split;
    return share(split) > (seen ? share(seen->written) : 0);
}

// Arms of a trial get something only in its step, and never more than there is.
void check_arms(Question& question, const Split& split) {
    if (split.others.empty()) return;
    const ReleaseState& next = question.decision.next;
    int all = split.candidate;
    for (const SplitShare& share : split.others) all += share.weight;
    if (all > split.total) question.broken.push_back("I2 limit: more than all traffic is shared");
    if (next.is_aborted) question.broken.push_back("I3 abort: arms of a trial are exposed");
    const auto& steps = question.release.plan.steps;
    const auto index = static_cast<std::size_t>(next.step.value_or(0));
    if (index >= steps.size() || !std::holds_alternative<Trial>(steps[index]))
        question.broken.push_back("I2 limit: arms are exposed outside their trial");
    for (const RunSeen& run : question.seen.runs) {
        for (const TrialArmSeen& arm : run.arms) {
            if (arm.has_ended && has_risen(question, split, arm.service))
                question.broken.push_back("I1 capacity: more goes to an arm that has ended");
        }
    }
}

void check_split(Question& question, const Split& split) {
    check_arms(question, split);
    const auto& [release, seen, decision, broken] = question;
    const int weight = question.parts(split);
    const int written = seen.split ? question.parts(seen.split->written) : 0;
    if (weight <= written) return;
    const std::string change =
        "weight " + std::to_string(written) + " to " + std::to_string(weight);
    if (decision.next.is_aborted) question.broken.push_back("I3 abort: " + change);
    if (weight > question.step_limit()) question.broken.push_back("I2 limit: " + change);
    const RevisionSeen* candidate = question.find(decision.next.candidate);
    const int available = candidate ? candidate->available : 0;
    if (available < question.enough_for(weight) && !question.is_provisioned(available, weight)) {
        question.broken.push_back(
            "I1 capacity: " + change + " with " + std::to_string(available) + " replicas");
    }
    if (candidate && !candidate->is_settled) {
        question.broken.push_back("I1 capacity: " + change + " on a count of another size");
    }
    if (seen.candidate_service.revision != decision.next.candidate) {
        question.broken.push_back("I8 order: " + change + " before the service leads there");
    }
}

// Users are moved as a whole: forward only to replicas that carry all, and never after an abort.
void check_flip(Question& question, const PointService& action) {
    const auto& [release, seen, decision, broken] = question;
    if (action.service != ServiceRole::stable || seen.replicas == 0) return;
    const std::string change = "all traffic to revision " + action.revision;
    const RevisionSeen* target = question.find(action.revision);
    if (!target || target->available == 0) {
        question.broken.push_back("I4 last copy: " + change + " without a replica");
        return;
    }
    const ReleaseState& next = decision.next;
    if (next.stable.empty() || action.revision == next.stable) return;
    if (next.is_aborted) question.broken.push_back("I3 abort: " + change);
    if (!next.flip || !next.flip->is_cleared) {
        question.broken.push_back("I2 limit: " + change + " before it was cleared");
    }
    if (!target->is_settled || target->available < seen.replicas) {
        question.broken.push_back(
            "I1 capacity: " + change + " with " + std::to_string(target->available) + " replicas");
    }
}

void check_service(Question& question, const PointService& action) {
    if (question.release.plan.flip) return check_flip(question, action);
    if (!question.release.plan.routing) return;
    const RevisionSeen* target = question.find(action.revision);
    const bool is_aborted = question.decision.next.is_aborted;
    if (!target || (target->available == 0 && !is_aborted)) {
        question.broken.push_back("I1 capacity: a service leads to nothing available");
    }
    if (target && !target->is_settled && !is_aborted) {
        question.broken.push_back("I1 capacity: a service moves on a count of another size");
    }
    if (action.service == ServiceRole::stable || is_aborted || !target) return;
    const int exposure = question.exposure();
    if (exposure > 0 &&
        target->available < std::min(question.enough_for(exposure), std::max(1, target->desired))) {
        question.broken.push_back("I1 capacity: exposure moves to too few replicas");
    }
}

void check_side_routes(Question& question, const SetSideRoutes& action) {
    const auto& [release, seen, decision, broken] = question;
    const std::vector<SideRoute>* present = seen.split ? &seen.split->side_routes : nullptr;
    for (const SideRoute& route : action.routes) {
        if (present && std::ranges::find(*present, route.name, &SideRoute::name) != present->end())
            continue;
        const RevisionSeen* candidate = question.find(decision.next.candidate);
        const bool is_there = candidate && candidate->is_settled && candidate->available > 0;
        if (decision.next.is_aborted) question.broken.push_back("I3 abort: route " + route.name);
        if (!is_there) {
            question.broken.push_back("I1 capacity: route " + route.name + " to no replicas");
        }
        if (seen.candidate_service.revision != decision.next.candidate) {
            question.broken.push_back(
                "I8 order: route " + route.name + " before the service leads there");
        }
    }
}

bool is_selected(const Question& question, const std::string& revision) {
    return question.seen.stable_service.revision == revision ||
           question.seen.candidate_service.revision == revision;
}

// What serves, or may do so as long as the data plane has not told otherwise, is not taken away.
void check_shrinking_beside_flip(Question& question, const Scale& action) {
    const auto& [release, seen, decision, broken] = question;
    const std::string change =
        "revision " + action.revision + " to " + std::to_string(action.replicas) + " replicas";
    const ServiceSeen& service = seen.stable_service;
    const bool is_selected = service.revision == action.revision;
    if (is_selected && action.replicas < seen.replicas) {
        question.broken.push_back("I4 last copy: serving " + change);
    }
    const bool may_serve =
        service.in_force &&
        (!service.is_settled ||
         std::ranges::find(*service.in_force, action.revision) != service.in_force->end());
    if (!is_selected && may_serve && action.replicas == 0) {
        question.broken.push_back("I8 order: before traffic is seen away, " + change);
    }
}

void check_shrinking(Question& question, const Scale& action) {
    const auto& [release, seen, decision, broken] = question;
    const RevisionSeen* revision = question.find(action.revision);
    if (!revision || action.replicas >= revision->desired || seen.replicas == 0) return;
    const std::string change =
        "revision " + action.revision + " to " + std::to_string(action.replicas) + " replicas";
    const bool others_serve = std::ranges::any_of(seen.revisions, [&](const RevisionSeen& other) {
        return other.id != action.revision && other.is_settled && other.available > 0;
    });
    // Without a router, availability is bounded by what the plan tolerates to be missing.
    if (release.plan.flip) check_shrinking_beside_flip(question, action);
    if (!release.plan.routing && !release.plan.flip) return;
    if (action.replicas == 0 && revision->available > 0 && !others_serve) {
        question.broken.push_back("I4 last copy: " + change);
    }
    if (release.plan.flip) return;
    if (seen.stable_service.revision == action.revision &&
        action.replicas < question.needed_for_stable()) {
        question.broken.push_back("I4 last copy: the stable service's " + change);
    }
    if (action.replicas == 0 && seen.candidate_service.revision == action.revision &&
        (question.exposure() > 0 || !seen.split->side_routes.empty()) &&
        action.revision != decision.next.stable) {
        question.broken.push_back("I8 order: exposed " + change);
    }
    if (action.replicas < seen.replicas && !is_selected(question, action.revision) && seen.split &&
        !seen.split->is_settled) {
        question.broken.push_back("I8 order: before traffic settles, " + change);
    }
}

void check_liveness(Question& question) {
    const ReleaseState& next = question.decision.next;
    if (next.candidate == next.stable || next.is_aborted) return;
    const bool goes_on = !question.decision.actions.empty() || !question.decision.causes.empty();
    if (next.waiting_for.empty() && !question.decision.wake_at && !goes_on) {
        question.broken.push_back("I6 liveness: nothing is waited for");
    }
}

}  // namespace

std::vector<std::string> broken_invariants(
    const Release& release, const Observation& seen, const Decision& decision) {
    Question question{release, seen, decision, {}};
    for (const Action& action : decision.actions) {
        if (const auto* split = std::get_if<SetSplit>(&action)) {
            check_split(question, split->split);
        } else if (const auto* routes = std::get_if<SetSideRoutes>(&action)) {
            check_side_routes(question, *routes);
        } else if (const auto* service = std::get_if<PointService>(&action)) {
            check_service(question, *service);
        } else if (const auto* scale = std::get_if<Scale>(&action)) {
            check_shrinking(question, *scale);
        }
    }
    check_liveness(question);
    return question.broken;
}

}  // namespace serin::engine
