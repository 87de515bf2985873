#include "sim/referee.h"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

namespace serin::sim {

// A scale event moves no traffic: a candidate that has lost nothing keeps its weight while the
// replicas of a larger size come.
void Referee::check_scaling(const View& before) {
    for (const auto& [hash, was] : before.revisions) {
        const auto now = view_.revisions.find(hash);
        if (now == view_.revisions.end() || now->second.pods.ready < was.pods.ready) {
            lessened_.insert(hash);
        }
    }
    const bool goes_on = view_.candidate == before.candidate && view_.stable == before.stable &&
                         view_.candidate != view_.stable && view_.step == before.step &&
                         view_.limit == before.limit && view_.has_swapped == before.has_swapped &&
                         view_.candidate_selected == view_.candidate && !view_.is_aborted &&
                         !before.is_aborted;
    const int weight = before.weight;
    if (!goes_on || weight == 0 || weight > view_.limit || view_.replicas <= replicas_min()) return;
    if (is_excused() || people_.routes_written() + plane_.mishaps() != mishaps_) return;
    // Replicas that a person provisions suffice in their steps and not after them.
    const auto is_provision = [](const Step& step) {
        return std::holds_alternative<Provision>(step);
    };
    if (std::ranges::any_of(plan_.plan.steps, is_provision)) return;
    const auto candidate = view_.revisions.find(view_.candidate);
    if (candidate == view_.revisions.end() || lessened_.contains(view_.candidate)) return;
    const int carrying = std::max(1, (weight * replicas_min() + 99) / 100);
    if (candidate->second.pods.ready < carrying) return;
    if (!breaks(Check::weight_in_scaling, view_.weight < weight)) return;
    accuse(
        Check::weight_in_scaling,
        fmt::format(
            "the candidate's weight falls from {} to {} with {} replicas because {} are wanted now",
            weight,
            view_.weight,
            candidate->second.pods.ready,
            view_.replicas));
}

}  // namespace serin::sim
