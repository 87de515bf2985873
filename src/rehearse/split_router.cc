#include "rehearse/split_router.h"

#include <utility>

namespace serin::rehearse {

namespace {

constexpr Duration usual_delay{150};

}  // namespace

SplitRouter::SplitRouter(Scene& scene, std::function<void()> on_change)
    : scene_(scene), chance_(scene.chance.fork(4)), on_change_(std::move(on_change)) {}

RouterLimits SplitRouter::limits() const {
    return {.weight_max = 1000, .can_match_headers = true, .can_mirror = true, .can_verify = true};
}

Result<std::vector<ObjectKey>> SplitRouter::objects(const RouteTarget& /*target*/) const {
    return std::vector<ObjectKey>();
}

Result<SplitSeen> SplitRouter::observe(const RouteTarget& /*target*/) const {
    return SplitSeen{
        .written = written_,
        .in_force = in_force_,
        .is_settled = written_ == in_force_,
        .side_routes = side_routes_};
}

Result<> SplitRouter::apply_side_routes(
    const RouteTarget& /*target*/, const std::vector<SideRoute>& wanted) {
    if (wanted == side_routes_) return {};
    if (scene_.current(Fault::Kind::router_refuses)) {
        return fail(ErrorKind::unavailable, "the router does not take the routes");
    }
    side_routes_ = wanted;
    scene_.loop.post([this] { told_(); });
    return {};
}

Result<> SplitRouter::apply(const RouteTarget& /*target*/, Split wanted) {
    if (wanted == written_) return {};
    if (scene_.current(Fault::Kind::router_refuses)) {
        return fail(ErrorKind::unavailable, "the router does not take the split");
    }
    written_ = wanted;
    if (!arrival_) set_out();
    return {};
}

// What is on its way arrives before anything newer sets out.
void SplitRouter::set_out() {
    const Fault* slow = scene_.current(Fault::Kind::router_slow);
    const Duration delay =
        chance_.duration(Duration(1), std::max(slow ? slow->time : usual_delay, Duration(1)));
    arrival_ = scene_.loop.after(delay, [this, wanted = written_] {
        on_change_();
        in_force_ = wanted;
        arrival_.reset();
        if (written_ != in_force_) set_out();
        told_();
    });
}

}  // namespace serin::rehearse
