#pragma once

#include "ports/object_store.h"
#include "ports/traffic.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace serin::traffic {

// Splits through backendRef weights of Gateway API HTTPRoutes, configured as Argo's Gateway API
// plugin is: {"httpRoute": "shop"} or {"httpRoutes": [{"name": "shop"}, ...]}, the same for
// GRPCRoutes ("grpcRoute", "grpcRoutes"), which get no side routes, "namespace" (the rollout's),
// "disableInProgressLabel", "inProgressLabelKey" and "inProgressLabelValue".
//
// In every rule that names both services their weights become `candidate` and `total - candidate`;
// everything else in the route stays as it is. Other services of the split (arms of experiments)
// get backendRefs of their own, which the annotation serin.dev/trial-services names; what they get,
// the stable service does not. While the candidate has a weight the route carries
// the label rollouts.argoproj.io/gatewayapi-canary: in-progress.
//
// A route that Serin's gateway serves reports what is in force (condition serin.dev/InForce), and
// that is what observe() gives. Other controllers only say that they accepted a version: then a
// split is settled once the accepted version has it, and in_force is what is written there.
//
// Header and mirror routes are rules after those a person wrote: see traffic/side_routes.h and, for
// an API that has no names of rules, traffic/managed_rules.h. In a list only routes with
// "useHeaderRoutes": true get header routes.
//
// With several routes, the split seen is the one that gives the candidate most, and it is settled
// only when it is in all of them.
class HttpRouteRouter : public TrafficRouter {
public:
    // `store` outlives the router.
    explicit HttpRouteRouter(ObjectStore& store) : store_(store) {}

    RouterLimits limits() const override;
    Result<std::vector<ObjectKey>> objects(const RouteTarget& target) const override;
    // `not_found` when a route is missing, `invalid` when none of its rules names both services.
    Result<SplitSeen> observe(const RouteTarget& target) const override;
    Result<> apply(const RouteTarget& target, Split wanted) override;
    // `invalid` when a route and a step have no path in common, or when the API cannot hold a share
    // of a mirror.
    Result<> apply_side_routes(
        const RouteTarget& target, const std::vector<SideRoute>& wanted) override;

private:
    // A route, its rules and what they are to be.
    struct Change {
        Object route;
        json::Array before;
        json::Array after;
    };
    Result<json::Object> make_ref(const std::string& ns, const SplitShare& share) const;
    Result<> write_rules(Change change, const RouteTarget& target);

    ObjectStore& store_;
    // Routes whose API drops shares of mirrors, with the generation they were left at.
    std::map<ObjectKey, std::int64_t> shareless_;
};

}  // namespace serin::traffic
