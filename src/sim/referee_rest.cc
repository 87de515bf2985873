#include "sim/referee.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

// When a release has come to rest, and how it stands in words.

namespace serin::sim {

bool Referee::is_unwell(const std::string& hash) const {
    const auto found = view_.revisions.find(hash);
    if (found == view_.revisions.end()) return false;
    return stage_.is_image(What::bad_image, found->second.image) ||
           stage_.is_image(What::flaky_image, found->second.image);
}

// All users are with a candidate whose replicas come and go for ever; nothing else is left to do.
bool Referee::is_flip_flaky() const {
    const auto candidate = view_.revisions.find(view_.candidate);
    if (candidate == view_.revisions.end()) return false;
    return stage_.is_image(What::flaky_image, candidate->second.image) &&
           (!stage_.scenario.flip->has_judge_after ||
            judged_.contains(view_.candidate + "/PostPromotion"));
}

bool Referee::is_at_rest() const {
    const auto stable = view_.revisions.find(view_.stable);
    if (stable == view_.revisions.end()) {
        // Held before its first version was begun: it begins when it is resumed, and not before.
        if (view_.phase == "Paused" && view_.is_held) return view_.weight == 0;
        // There is none to go back to; only another version helps.
        return view_.phase == "Degraded" && is_unwell(view_.candidate);
    }
    // What comes and goes for ever never rests.
    if (stage_.is_image(What::flaky_image, stable->second.image)) return true;
    if (view_.phase == "Degraded" && view_.message.starts_with("InvalidSpec")) return true;
    if (view_.phase == "Paused" && view_.is_held) {
        if (!stage_.scenario.has_router || view_.weight == 0) return true;
        // A hold keeps no users with what nobody wants any more: the manifest is back at the stable
        // revision, or asks for a newer one.
        return view_.candidate != view_.stable && view_.candidate_selected == view_.candidate;
    }
    // Released while nothing was wanted; only another version helps.
    if (view_.candidate == view_.stable && view_.replicas > 0 &&
        stage_.is_image(What::bad_image, stable->second.image)) {
        return view_.phase == "Degraded";
    }
    // A rejected candidate does not take over from a stable revision that never got ready, nor can
    // that one take anybody back, however many replicas it has: only another version helps. Where
    // all traffic moves at once, that is so as well of users whom a person had moved before the
    // abort, for whom it keeps its replicas (those it has, while a person holds the release); I3
    // holds it to move none after.
    if (stage_.scenario.has_router && view_.is_aborted && view_.replicas > 0 &&
        stage_.is_image(What::bad_image, stable->second.image)) {
        const auto rejected = view_.revisions.find(view_.candidate);
        const bool serves_on = stage_.scenario.flip && rejected != view_.revisions.end() &&
                               rejected->second.desired >= (view_.is_held ? 1 : view_.replicas);
        const bool is_left = stage_.scenario.flip
                                 ? serves_on || view_.stable_selected != view_.candidate
                                 : view_.weight == 0 && view_.side_routes.empty();
        // While a person holds the release, sizes rest, but for what has to take users back.
        const int desired = stable->second.desired;
        const bool is_sized = view_.is_held ? desired >= view_.replicas : desired == view_.replicas;
        return view_.phase == "Degraded" && is_left && is_sized;
    }
    // Held by a person after an abort: nobody is left with the candidate. Its replicas rest, unless
    // they alone are what brings it users.
    if (view_.is_aborted && view_.is_held) {
        if (view_.weight != 0 || !view_.side_routes.empty()) return false;
        if (stage_.scenario.flip) return plane_.in_force()->stable == view_.stable;
        return stage_.scenario.has_router ||
               std::ranges::all_of(view_.revisions, [&](const auto& one) {
                   return one.first == view_.stable || one.second.desired == 0;
               });
    }
    const bool may_be_smaller =
        stage_.scenario.scales_stable && !view_.is_aborted && view_.candidate != view_.stable;
    if (stage_.scenario.has_router && !may_be_smaller &&
        (stable->second.pods.ready < view_.replicas || stable->second.desired != view_.replicas)) {
        return false;
    }
    const bool is_split_settled =
        !stage_.scenario.has_router ||
        (plane_.in_force() && (view_.has_swapped ? plane_.in_force()->stable_weight
                                                 : plane_.in_force()->candidate_weight) *
                                      100 ==
                                  view_.weight * (plane_.in_force()->candidate_weight +
                                                  plane_.in_force()->stable_weight));
    if (!is_split_settled) return false;
    if (stage_.scenario.flip && plane_.in_force()->stable != view_.stable) {
        if (view_.is_aborted) return false;
        if (view_.phase == "Progressing" || view_.phase == "Healthy") return is_flip_flaky();
    }
    if (view_.phase == "Degraded") {
        if (view_.is_aborted) return view_.weight == 0 && view_.side_routes.empty();
        return is_unwell(view_.candidate);
    }
    // A Deployment keeps trying, and says so, for ever.
    if (stage_.scenario.workload == Workload::deployment && is_unwell(view_.candidate)) return true;
    if (view_.phase != "Healthy") {
        return view_.candidate != view_.stable &&
               stage_.is_image(
                   What::flaky_image,
                   view_.revisions.contains(view_.candidate)
                       ? view_.revisions.at(view_.candidate).image
                       : 0);
    }
    const bool is_alone = std::ranges::all_of(view_.revisions, [&](const auto& one) {
        return one.first == view_.stable || one.second.desired == 0;
    });
    return is_alone && view_.weight == 0 && view_.side_routes.empty() &&
           view_.candidate == view_.stable;
}

std::string Referee::describe() const {
    std::string text = fmt::format(
        "{} {}step {}/{} weight {}",
        view_.phase.empty() ? "-" : view_.phase,
        view_.message.empty() ? "" : "(" + view_.message + ") ",
        view_.step,
        view_.steps,
        view_.weight);
    for (const std::string& name : view_.side_routes) text += " +" + name;
    for (const auto& [hash, revision] : view_.revisions) {
        text += fmt::format(
            "; {}{}{}{} image {} wants {} has {}/{} gets {}{}",
            hash,
            hash == view_.stable ? " stable" : "",
            hash == view_.stable_selected ? " S" : "",
            hash == view_.candidate_selected ? " C" : "",
            revision.image,
            revision.desired,
            revision.pods.ready,
            revision.pods.able,
            revision.share,
            revision.has_side ? "+" : "");
    }
    if (!view_.waiting_for.empty()) text += "; waits for " + view_.waiting_for;
    return text;
}

}  // namespace serin::sim
