#pragma once

#include "ports/object_store.h"
#include "ports/traffic.h"
#include "traffic/routing_api.h"

namespace serin::traffic {

// Splits by the objects of an ingress controller or a mesh of the cluster (traffic/routing_api.h).
// Everything that has to be written is computed before the first write, so that a mistake in one
// object leaves no half of a split.
//
// None of these controllers says what its data plane does, so what is read back from the API counts
// as in force. Where several objects are to say the same, it is settled when all do; until then
// what is in force is the one that gives the candidate most.
class ObjectRouter : public TrafficRouter {
public:
    // `store` outlives the router.
    explicit ObjectRouter(ObjectStore& store) : store_(store) {}

    RouterLimits limits() const override;
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
    Result<Objects> load(const RoutingApi& api, const RouteTarget& target) const;
    Result<> save(const Objects& before, Objects after, const RouteTarget& target);
    Result<> change(const RouteTarget& target, const auto& edit);

    ObjectStore& store_;
};

}  // namespace serin::traffic
