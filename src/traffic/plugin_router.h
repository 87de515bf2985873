#pragma once

#include "ports/object_store.h"
#include "ports/traffic.h"

namespace serin::traffic {

// Splits by a program that somebody registered as a plugin. The program takes its time, so that
// nothing is asked of it here: what is wanted is written into the release's exposure
// (ports/plugin_exposure.h), which control/router_plugins.h carries out; observe() tells what it
// wrote there.
class PluginRouter : public TrafficRouter {
public:
    // `store` outlives the router.
    explicit PluginRouter(ObjectStore& store) : store_(store) {}

    RouterLimits limits() const override;
    Result<std::vector<ObjectKey>> objects(const RouteTarget& target) const override;
    Result<SplitSeen> observe(const RouteTarget& target) const override;
    Result<> apply(const RouteTarget& target, Split wanted) override;
    Result<> apply_side_routes(
        const RouteTarget& target, const std::vector<SideRoute>& wanted) override;

private:
    Result<> change(const RouteTarget& target, const auto& edit);

    ObjectStore& store_;
};

// Each release's own: the objects of an ingress controller or a mesh for those that name one,
// plugins for those that name a program, HTTPRoutes for all others.
class Routers : public TrafficRouter {
public:
    // All outlive it. Without `objects` such routers are refused: one machine has none of them.
    Routers(TrafficRouter& routes, TrafficRouter& plugins, TrafficRouter* objects = nullptr)
        : routes_(routes), plugins_(plugins), objects_(objects) {}

    RouterLimits limits() const override { return routes_.limits(); }
    std::vector<const ResourceType*> kinds() const override;
    Result<std::vector<ObjectKey>> objects(const RouteTarget& target) const override;
    Result<SplitSeen> observe(const RouteTarget& target) const override;
    Result<> apply(const RouteTarget& target, Split wanted) override;
    Result<> apply_side_routes(
        const RouteTarget& target, const std::vector<SideRoute>& wanted) override;
    Result<> keep(const RouteTarget& target) override;
    Result<SidesSeen> sides(const RouteTarget& target) const override;
    Result<> point_sides(const RouteTarget& target, const SidesSeen& wanted) override;

private:
    Result<TrafficRouter*> of(const RouteTarget& target) const;

    TrafficRouter& routes_;
    TrafficRouter& plugins_;
    TrafficRouter* objects_;
};

}  // namespace serin::traffic
