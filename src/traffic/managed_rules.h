#pragma once

#include "base/json.h"
#include "ports/object.h"
#include "ports/traffic.h"

namespace serin::traffic {

// Which rules of an HTTPRoute are the release's own is told by their names (traffic/side_routes.h).
// Gateway API's standard channel has names of rules since v1.4; before, the API drops them. So an
// annotation of the route says as well which rules they are, by what they match and filter.

// The rules, with names given back to those that lost theirs.
json::Array named_rules(const Object& route);

// Writes `rules` with their names into the route, and the annotation.
void put_rules(Object& route, json::Array rules, const RouteTarget& target);

// Whether a mirror copies only a share of the requests. Gateway API's standard channel has shares
// since v1.3.
bool has_shares(const json::Array& rules);
// Whether `written`, the API's answer, has dropped a share: all requests would be copied.
bool has_lost_shares(const Object& written, const json::Array& wanted);

}  // namespace serin::traffic
