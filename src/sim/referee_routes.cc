#include "sim/referee.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

// What the referee says of routes: weights, and requests that reach a version beside them.

namespace serin::sim {

namespace {

// For controllers that nothing hinders, and a router plugin that is well, to write a route.
constexpr Duration take_back_max = std::chrono::seconds(5);

bool has(const std::vector<std::string>& names, const std::string& name) {
    return std::ranges::find(names, name) != names.end();
}

}  // namespace

// A router plugin takes its time to do what it is asked for, and the release goes on meanwhile: it
// is held to its limits where it asks. What a wish that was replaced asked for may still be told
// for as long as it takes to hear of the next one.
void Referee::note_wish(const View& before) {
    const Instant now = stage_.loop.now();
    if (now > former_wish_until_) {
        former_asked_ = former_arms_asked_ = 0;
        former_side_asked_.clear();
    }
    const bool is_without = std::ranges::any_of(
        before.side_asked, [&](const std::string& name) { return !has(view_.side_asked, name); });
    if (view_.asked < before.asked || view_.arms_asked < before.arms_asked || is_without) {
        former_asked_ = std::max(former_asked_, before.asked);
        former_arms_asked_ = std::max(former_arms_asked_, before.arms_asked);
        former_side_asked_.insert(before.side_asked.begin(), before.side_asked.end());
        former_wish_until_ = now + take_back_max;
    }
    if (now > former_wish_until_) return;
    former_wish_until_ = std::max(former_wish_until_, hindered_until(is_hindered()));
}

// The plugin itself writes nothing that it was not asked for.
void Referee::check_router_plugin(const View& before) {
    if (!stage_.scenario.has_router_plugin) return;
    // The same weights, read with the other service as the candidate's.
    if (view_.has_swapped != before.has_swapped) return;
    const bool has_risen = view_.weight > before.weight;
    const bool have_arms_risen = view_.arms_weight > before.arms_weight;
    if (!has_risen && !have_arms_risen) return;
    const bool is_beyond =
        (has_risen && view_.weight > std::max(view_.asked, former_asked_)) ||
        (have_arms_risen && view_.arms_weight > std::max(view_.arms_asked, former_arms_asked_));
    if (!breaks(Check::limit_of_weight, is_beyond)) return;
    accuse(
        Check::limit_of_weight,
        fmt::format(
            "the router plugin writes weight {} ({} for experiments) where {} ({}) is asked for",
            view_.weight,
            view_.arms_weight,
            view_.asked,
            view_.arms_asked));
}

// An experiment gets what its step gives it, while that is the step.
void Referee::check_arms(const View& before) {
    if (view_.arms_asked <= before.arms_asked || is_excused()) return;
    const std::string change = fmt::format(
        "the experiment's weight rises from {} to {}", before.arms_asked, view_.arms_asked);
    if (view_.is_aborted) accuse(Check::weight_after_abort, change + " after the abort");
    if (breaks(Check::limit_of_trial, view_.arms_asked > view_.arms_limit)) {
        accuse(Check::limit_of_trial, fmt::format("{} at step {}", change, view_.step));
    }
}

void Referee::check_route(const View& before) {
    check_arms(before);
    if (view_.is_aborted && before.weight > 0) {
        meet(Check::weight_after_abort);
    }
    if (people_.routes_written() + plane_.mishaps() != mishaps_ || is_excused()) return;
    check_router_plugin(before);
    if (view_.asked <= before.asked) return;
    const std::string change =
        fmt::format("the candidate's weight rises from {} to {}", before.asked, view_.asked);
    if (view_.is_aborted) accuse(Check::weight_after_abort, change + " after the abort");
    if (breaks(Check::limit_of_weight, view_.asked > view_.limit)) {
        accuse(
            Check::limit_of_weight,
            fmt::format("{}, beyond {} of step {}", change, view_.limit, view_.step));
    }
}

// From another candidate on, the route of the former one is to be replaced: at once, or as soon as
// nothing hinders the controllers any more.
void Referee::note_candidate(const View& before) {
    const Instant now = stage_.loop.now();
    if (view_.candidate != before.candidate) {
        former_route_ = route_generation_;
        former_route_until_ = now + take_back_max;
    }
    if (former_route_ == 0 || route_generation_ > former_route_) return;
    former_route_until_ =
        std::max(former_route_until_, hindered_until(is_hindered() || is_router_ill()));
}

// What was written for the former candidate may still come into force, and go again; but only for
// as long as it takes to replace it, and the data plane to follow.
bool Referee::is_late() const {
    const std::int64_t generation = plane_.in_force()->generation;
    const Instant now = stage_.loop.now();
    if (generation == former_route_ && now <= former_route_until_) return true;
    const auto replaced = routes_replaced_.find(generation);
    if (replaced == routes_replaced_.end()) return false;
    return now <= replaced->second + plane_.lag_max(replaced->second);
}

// Header routes and mirrors are exposure too: they lead to pods that are ready, not to what was
// taken back, and not to a newcomer that takes over a service.
void Referee::check_side_routes(const View& before) {
    if (people_.routes_written() + plane_.mishaps() != mishaps_ || is_excused()) return;
    const bool is_wanted = replicas_min() > 0;  // Else nobody is to be served.
    if (view_.is_aborted && !before.side_routes.empty()) {
        meet(Check::side_route_after_abort);
    }
    for (const std::string& name : view_.side_routes) {
        const bool is_asked = has(view_.side_asked, name) || former_side_asked_.contains(name);
        if (!is_asked && !has(before.side_routes, name)) {
            accuse(
                Check::limit_of_side_route, "the router plugin writes route " + name + ", unasked");
        }
    }
    for (const std::string& name : view_.side_asked) {
        if (has(before.side_asked, name)) continue;
        if (view_.is_aborted) {
            accuse(Check::side_route_after_abort, "route " + name + " appears after the abort");
        }
        const auto candidate = view_.revisions.find(view_.candidate);
        const bool is_there = candidate != view_.revisions.end() && candidate->second.pods.able > 0;
        if (is_wanted && !is_there) {
            accuse(
                Check::capacity_of_side_route, "route " + name + " appears where nobody is ready");
        }
        if (breaks(Check::service_before_side_route, view_.candidate_selected != view_.candidate)) {
            accuse(
                Check::service_before_side_route,
                "route " + name + " appears before the service leads there");
        }
    }
    for (const auto& [hash, revision] : view_.revisions) {
        const auto former = before.revisions.find(hash);
        const bool is_new = former != before.revisions.end() && !former->second.has_side;
        if (!revision.has_side || !is_new || hash == view_.stable) continue;
        if (is_wanted && breaks(Check::capacity_of_side_route, revision.pods.able == 0)) {
            accuse(
                Check::capacity_of_side_route,
                "requests by header reach revision " + hash + " without pods");
        }
        if (breaks(Check::limit_of_side_route, hash != view_.candidate && !is_late())) {
            accuse(
                Check::limit_of_side_route,
                "requests by header reach revision " + hash + ", no candidate");
        }
    }
}

}  // namespace serin::sim
