#pragma once

#include "traffic/routing_api.h"

// The ingress controllers and meshes, one class each. docs/reference/routers.md says what each
// reads and writes.

namespace serin::traffic {

// A second Ingress beside each stable one, "<rollout>-<ingress>-canary": its rules that lead to the
// stable Service lead to the candidate's there, and annotations say how much it gets.
class NginxApi : public RoutingApi {
public:
    std::vector<ObjectKey> objects(const RouteTarget& target) const override;
    Result<SplitSeen> read(const Objects& now, const RouteTarget& target) const override;
    Result<Objects> write(
        Objects now, const RouteTarget& target, const Split& wanted) const override;
};

// Weights of the two Services in a TraefikService that a person wrote.
class TraefikApi : public RoutingApi {
public:
    std::vector<ObjectKey> objects(const RouteTarget& target) const override;
    Result<SplitSeen> read(const Objects& now, const RouteTarget& target) const override;
    Result<Objects> write(
        Objects now, const RouteTarget& target, const Split& wanted) const override;
};

// A TrafficSplit of the release's own, made when it is first needed.
class SmiApi : public RoutingApi {
public:
    std::vector<ObjectKey> objects(const RouteTarget& target) const override;
    Result<SplitSeen> read(const Objects& now, const RouteTarget& target) const override;
    Result<Objects> write(
        Objects now, const RouteTarget& target, const Split& wanted) const override;
};

// Weights of the two backends in rules of an ApisixRoute that a person wrote.
class ApisixApi : public RoutingApi {
public:
    std::vector<ObjectKey> objects(const RouteTarget& target) const override;
    Result<SplitSeen> read(const Objects& now, const RouteTarget& target) const override;
    Result<Objects> write(
        Objects now, const RouteTarget& target, const Split& wanted) const override;
};

// A copy of each Mapping that leads to the candidate, there while it has a weight.
class AmbassadorApi : public RoutingApi {
public:
    std::vector<ObjectKey> objects(const RouteTarget& target) const override;
    Result<SplitSeen> read(const Objects& now, const RouteTarget& target) const override;
    Result<Objects> write(
        Objects now, const RouteTarget& target, const Split& wanted) const override;
};

// An annotation of the Ingress: the action of the backend that is the root Service.
class AlbApi : public RoutingApi {
public:
    std::vector<ObjectKey> objects(const RouteTarget& target) const override;
    Result<SplitSeen> read(const Objects& now, const RouteTarget& target) const override;
    Result<Objects> write(
        Objects now, const RouteTarget& target, const Split& wanted) const override;
};

// Weights in routes of VirtualServices that a person wrote, and, with a DestinationRule, the hash
// of its two subsets. See traffic/istio.h.
class IstioApi : public RoutingApi {
public:
    std::vector<ObjectKey> objects(const RouteTarget& target) const override;
    Result<SplitSeen> read(const Objects& now, const RouteTarget& target) const override;
    Result<Objects> write(
        Objects now, const RouteTarget& target, const Split& wanted) const override;
    Result<Objects> write_side_routes(
        Objects now,
        const RouteTarget& target,
        const std::vector<SideRoute>& wanted) const override;
    Result<SidesSeen> sides(const Objects& now, const RouteTarget& target) const override;
    Result<Objects> point_sides(
        Objects now, const RouteTarget& target, const SidesSeen& wanted) const override;
};

}  // namespace serin::traffic
