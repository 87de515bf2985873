#include "traffic/plugin_router.h"

#include <utility>

namespace serin::traffic {

Result<TrafficRouter*> Routers::of(const RouteTarget& target) const {
    if (target.router.empty()) return target.plugin.empty() ? &routes_ : &plugins_;
    if (objects_ != nullptr) return objects_;
    return fail(
        ErrorKind::invalid,
        target.router +
            ": there is no such controller on one machine: use plugins: "
            "{argoproj-labs/gatewayAPI: {httpRoute: ...}}");
}

std::vector<const ResourceType*> Routers::kinds() const {
    std::vector<const ResourceType*> kinds = routes_.kinds();
    if (objects_ != nullptr) {
        for (const ResourceType* type : objects_->kinds()) kinds.push_back(type);
    }
    return kinds;
}

Result<std::vector<ObjectKey>> Routers::objects(const RouteTarget& target) const {
    SERIN_TRY(TrafficRouter* const router, of(target));
    return router->objects(target);
}

Result<SplitSeen> Routers::observe(const RouteTarget& target) const {
    SERIN_TRY(TrafficRouter* const router, of(target));
    return router->observe(target);
}

Result<> Routers::apply(const RouteTarget& target, Split wanted) {
    SERIN_TRY(TrafficRouter* const router, of(target));
    return router->apply(target, std::move(wanted));
}

Result<> Routers::apply_side_routes(
    const RouteTarget& target, const std::vector<SideRoute>& wanted) {
    SERIN_TRY(TrafficRouter* const router, of(target));
    return router->apply_side_routes(target, wanted);
}

Result<> Routers::keep(const RouteTarget& target) {
    SERIN_TRY(TrafficRouter* const router, of(target));
    return router->keep(target);
}

Result<SidesSeen> Routers::sides(const RouteTarget& target) const {
    SERIN_TRY(TrafficRouter* const router, of(target));
    return router->sides(target);
}

Result<> Routers::point_sides(const RouteTarget& target, const SidesSeen& wanted) {
    SERIN_TRY(TrafficRouter* const router, of(target));
    return router->point_sides(target, wanted);
}

}  // namespace serin::traffic
