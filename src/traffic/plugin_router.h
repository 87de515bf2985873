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

// Each release's own: plugins for those that name one, HTTPRoutes for all others.
class Routers : public TrafficRouter {
public:
    // Both outlive it.
    Routers(TrafficRouter& routes, TrafficRouter& plugins) : routes_(routes), plugins_(plugins) {}

    RouterLimits limits() const override { return routes_.limits(); }
    Result<std::vector<ObjectKey>> objects(const RouteTarget& target) const override {
        return of(target).objects(target);
    }
    Result<SplitSeen> observe(const RouteTarget& target) const override {
        return of(target).observe(target);
    }
    Result<> apply(const RouteTarget& target, Split wanted) override {
        return of(target).apply(target, std::move(wanted));
    }
    Result<> apply_side_routes(
        const RouteTarget& target, const std::vector<SideRoute>& wanted) override {
        return of(target).apply_side_routes(target, wanted);
    }

private:
    TrafficRouter& of(const RouteTarget& target) const {
        return target.plugin.empty() ? routes_ : plugins_;
    }

    TrafficRouter& routes_;
    TrafficRouter& plugins_;
};

}  // namespace serin::traffic
