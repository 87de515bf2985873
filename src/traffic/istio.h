#pragma once

#include "ports/object.h"
#include "ports/traffic.h"
#include "traffic/routing_api.h"

#include <string>
#include <string_view>
#include <vector>

// What Istio's VirtualServices and DestinationRules have to be for a release: used by IstioApi
// (traffic/routing_apis.h) alone.

namespace serin::traffic::istio {

// A VirtualService that the router's configuration names, with what it says of its routes.
struct Named {
    ObjectKey key;
    json::Object config;
};
std::vector<Named> virtual_services(const RouteTarget& target);
ObjectKey destination_rule(const RouteTarget& target);  // REQUIRES: target.has_sides.

// Which side, or none, a destination ({"host": ..., "subset": ...}) leads to. A host is its text
// before the first dot.
enum class Side { stable, candidate, neither };
Side side_of(const json::Value& destination, const RouteTarget& target);
std::string host_of(const json::Value& destination);

bool is_managed(const json::Value& route, const RouteTarget& target);

// The routes to write weights into, of spec.http, spec.tls and spec.tcp: those that the
// configuration names; where it names none of a kind, the only one that leads to both sides.
// Managed ones are not among them. `invalid` without any, or for a name without such a route.
Result<std::vector<json::Object*>> routes_of(
    Object& service, const Named& named, const RouteTarget& target);

// Managed routes, at the top of spec.http in the order of trafficRouting.managedRoutes. A header
// route has the candidate as its only destination; a mirror route the destinations of the first
// HTTP route of the release, whose candidate gets the copies.
Result<> put_side_routes(
    Object& service,
    const Named& named,
    const RouteTarget& target,
    const std::vector<SideRoute>& wanted);
std::vector<SideRoute> find_side_routes(
    const Object& service, const Named& named, const RouteTarget& target);

}  // namespace serin::traffic::istio
