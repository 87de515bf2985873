#include "sim/referee.h"

#include <fmt/format.h>

#include <string>

// What the referee says of releases that move all traffic at once.

namespace serin::sim {

// Whether nobody but `judge` had to say anything about the revision, and has.
bool Referee::is_free_to_go(const std::string& hash, std::string_view judge) const {
    if (people_.has_pushed() || stage_.scenario.rollback_window || proved_.contains(hash)) {
        return true;
    }
    return judged_.contains(hash + "/" + std::string(judge));
}

// Forward only to what is complete, judged and let through.
void Referee::check_flip_move(const Flip& flip) {
    const std::string& to = view_.stable_selected;
    const std::string words = "all traffic goes to " + to;
    if (view_.is_aborted) accuse(Check::flip_after_abort, words + " after the abort");
    if (breaks(Check::limit_of_flip, to != view_.candidate)) {
        accuse(Check::limit_of_flip, words + ", an old revision");
    }
    if (flip.has_judge_before &&
        breaks(Check::verdict_before_flip, !is_free_to_go(to, "PrePromotion"))) {
        accuse(Check::verdict_before_flip, words + " without a verdict");
    }
    const bool is_let = flip.is_automatic || people_.has_pushed() || proved_.contains(to) ||
                        stage_.scenario.rollback_window;
    if (!is_let) accuse(Check::limit_of_flip, words + " and nobody said so");
    const auto found = view_.revisions.find(to);
    const int able = found == view_.revisions.end() ? 0 : found->second.pods.able;
    if (breaks(Check::capacity_of_flip, able < replicas_min())) {
        accuse(Check::capacity_of_flip, fmt::format("{} with {} replicas", words, able));
    }
}

// Stable only what was seen to have all traffic.
void Referee::check_flip(const View& before) {
    const Flip& flip = plan_.plan.flip.value_or(Flip{});
    if (view_.is_aborted && !before.is_aborted) meet(Check::flip_after_abort);
    if (view_.stable_selected != before.stable_selected && view_.stable_selected != view_.stable) {
        check_flip_move(flip);
    }
    if (view_.stable != before.stable && !before.stable.empty()) {
        if (flip.has_judge_after &&
            breaks(Check::verdict_after_flip, !is_free_to_go(view_.stable, "PostPromotion"))) {
            accuse(Check::verdict_after_flip, view_.stable + " is stable without a verdict");
        }
        const bool has_all = plane_.in_force() && plane_.in_force()->stable == view_.stable;
        if (!is_excused() && breaks(Check::flip_before_stable, !has_all)) {
            accuse(
                Check::flip_before_stable, view_.stable + " is stable before it has all traffic");
        }
    }
    if (!view_.stable.empty()) proved_.insert(view_.stable);
}

}  // namespace serin::sim
