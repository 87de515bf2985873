#pragma once

#include "base/json.h"
#include "base/result.h"
#include "ports/object.h"
#include "ports/object_store.h"
#include "ports/traffic.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

// What a release wants of a router that is a plugin, and what the plugin has confirmed: a ConfigMap
// `<rollout>-traffic`, which a route's object is for other routers. The release writes what is
// wanted and counts it up with each change; who talks to the plugin writes the number it has
// verified last, and what was in force then.

namespace serin {

struct PluginExposure {
    std::map<std::string, int> weights;   // By service; all of them are the whole.
    json::Array routes;                   // As route_value() has them, by name.
    std::string routes_lead_to;           // A service; empty: that of the candidate.
    std::int64_t number = 0;              // Of this wish, from 1.
    std::int64_t verified = 0;            // Of the wish that was last seen to be in force; 0: none.
    std::map<std::string, int> in_force;  // Weights of the last wish that was.
    std::string confirmed_by;             // identity_of() the router that verified.
    std::string message;                  // Why the plugin has not done what is wanted.
};

inline constexpr std::string_view exposure_label = "serin.dev/exposure-of";  // The Rollout's name.

ObjectKey exposure_key(std::string_view ns, std::string_view rollout);
// `not_found` when there is none yet; `invalid` when something else has its name.
Result<Object> find_exposure(const ObjectStore& store, const RouteTarget& target);
// One that nobody can have written is as none: it is wished for anew.
PluginExposure read_exposure(const Object& config_map);
// A new one, of this Rollout: everything goes to the stable service.
Object make_exposure(const Object& rollout, const RouteTarget& target);
// The plugin and its configuration: what one router has confirmed says nothing of another.
std::string identity_of(const RouteTarget& target);
// What is wanted is in force, by the word of this very router.
bool is_confirmed(const PluginExposure& exposure, const RouteTarget& target);
// The routes were wished for while this service was the candidate's: services that swap their roles
// leave routes behind that lead to what is stable now.
bool leads_to_candidate(const PluginExposure& exposure, const RouteTarget& target);
// Replaces what is wanted.
void put_wanted(Object& config_map, const PluginExposure& wanted);
// A merge patch that tells what the plugin did.
json::Value confirmation(const PluginExposure& seen);

// {"name", "kind": "header" | "mirror", "match": [...], "percentage"}, in the words of Argo's
// steps.
json::Object route_value(const SideRouteShape& shape);

}  // namespace serin
