#include "sim/referee.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

namespace serin::sim {

namespace {

// Controllers that were down have seen it too by then.
constexpr Duration noticed_within = std::chrono::minutes(5);

}  // namespace

// The stable side carries everybody at the size at which it last did: one that was asked for since
// and never came is no measure for what an abort may give it.
void Referee::note_size_served() {
    const auto stable = view_.revisions.find(view_.stable);
    const int told = stable == view_.revisions.end() ? 0 : stable->second.ready_told;
    const bool is_full = told + unavailable_max(view_.replicas) >= view_.replicas;
    const Instant now = stage_.loop.now();
    if (!is_full) full_since_.reset();
    if (is_full && !full_since_) full_since_ = now;
    const bool is_other = std::exchange(served_by_, view_.stable) != view_.stable;
    const bool has_come = full_since_ && now - *full_since_ >= noticed_within;
    if (is_other || has_come || view_.replicas < size_served_) size_served_ = view_.replicas;
}

// While sizes rest, what they are known to be for rests as well: a weight that rose because fewer
// were wanted for a while falls with that, to what the candidate carried when they came to rest.
void Referee::note_size_held() {
    if (view_.is_resting) return;
    size_held_ = view_.replicas;
    const Instant since = stage_.loop.now() - noticed_within;
    for (std::size_t i = 0; i < sizes_.size(); ++i) {
        const bool is_recent = i + 1 == sizes_.size() || sizes_[i + 1].first >= since;
        if (is_recent) size_held_ = std::max(size_held_, sizes_[i].second);
    }
}

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
    const int former = view_.is_resting ? std::max(replicas_min(), size_held_) : replicas_min();
    const int carrying = std::max(1, (weight * former + 99) / 100);
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
