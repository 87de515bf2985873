#pragma once

#include "base/json.h"
#include "base/result.h"
#include "ports/object.h"
#include "ports/traffic.h"

#include <string_view>
#include <vector>

namespace serin::traffic {

// Header and mirror routes as rules of an HTTPRoute, after those a person wrote. Each rule that
// splits between both services gets one of its own, "<name>", "<name>-1" and so on: a header
// route's has the matches of the former with the headers added, its filters, and the candidate as
// its only backend; a mirror route's has matches, filters and backends of the former and the filter
// RequestMirror to the candidate. A match that a step adds is more specific, so that the rules of
// precedence of Gateway API try it first.

// A rule with this name is the release's own.
bool is_managed(const RouteTarget& target, std::string_view rule_name);

// `invalid` when a path of the step cannot be combined with one of the route.
Result<json::Array> make_side_rules(
    const json::Array& rules, const RouteTarget& target, const SideRouteShape& shape);

// The side routes in an HTTPRoute, by name.
std::vector<SideRoute> find_side_routes(const json::Array& rules, const RouteTarget& target);

}  // namespace serin::traffic
