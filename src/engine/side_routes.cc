#include "engine/stages.h"

#include <algorithm>
#include <map>

// Routes that lead to the candidate beside its weight. How much comes through them nobody knows, so
// they are there only while the candidate is, and gone before it is.

namespace serin::engine {

namespace {

// What the steps up to the current one have set, by name.
std::vector<SideRoute> routes_of_steps(const Turn& turn) {
    std::map<std::string, int> steps;
    const int last =
        std::min(turn.next.step.value_or(-1), static_cast<int>(turn.plan.steps.size()) - 1);
    for (int i = 0; i <= last; ++i) {
        const auto* set = std::get_if<SetSideRoute>(&turn.plan.steps[static_cast<std::size_t>(i)]);
        if (!set) continue;
        if (set->removes) {
            steps.erase(set->name);
        } else {
            steps[set->name] = set->step;
        }
    }
    std::vector<SideRoute> routes;
    for (const auto& [name, step] : steps) routes.push_back({.name = name, .step = step});
    return routes;
}

bool may_have_side_routes(const Turn& turn) {
    if (turn.is_promoted() || turn.next.stable.empty() || turn.next.is_aborted) return false;
    if (turn.next.skips_steps || turn.is_within_window()) return false;
    return turn.candidate && turn.candidate->available > 0 && candidate_size_wanted(turn) > 0 &&
           turn.seen.candidate_service.revision == turn.next.candidate;
}

std::vector<SideRoute> wanted_side_routes(const Turn& turn) {
    if (!may_have_side_routes(turn)) return {};
    std::vector<SideRoute> wanted = routes_of_steps(turn);
    if (turn.candidate->is_settled) return wanted;
    // Nothing new is built on replicas that may be gone.
    const std::vector<SideRoute>& seen = turn.seen.split->side_routes;
    std::erase_if(wanted, [&](const SideRoute& one) {
        return std::ranges::find(seen, one.name, &SideRoute::name) == seen.end();
    });
    return wanted;
}

std::string names_of(const std::vector<SideRoute>& routes) {
    std::string names;
    for (const SideRoute& route : routes) names += (names.empty() ? "" : ", ") + route.name;
    return names;
}

}  // namespace

void place_side_routes(Turn& turn) {
    if (!turn.plan.routing || !turn.seen.split) return;
    const std::vector<SideRoute> wanted = wanted_side_routes(turn);
    const std::vector<SideRoute>& seen = turn.seen.split->side_routes;
    if (wanted == seen) return;
    const bool is_ending = wanted.size() < seen.size();
    (is_ending ? turn.urgent : turn.routing).emplace_back(SetSideRoutes{wanted});
    turn.because(
        "side_routes",
        wanted.empty() ? "no request reaches the candidate but by weight"
                       : "requests reach the candidate also by " + names_of(wanted));
}

bool are_side_routes_placed(const Turn& turn) {
    if (!turn.plan.routing || turn.seen.replicas == 0) return true;
    if (candidate_size_wanted(turn) == 0) return true;
    return turn.seen.split && turn.seen.split->is_settled && may_have_side_routes(turn) &&
           turn.seen.split->side_routes == routes_of_steps(turn);
}

bool is_unexposed(const Turn& turn) {
    return is_weight_confirmed(turn, 0) && turn.seen.split->side_routes.empty();
}

}  // namespace serin::engine
