#pragma once

#include "base/json.h"
#include "base/time.h"
#include "gateway/model.h"

#include <optional>
#include <string>

// Reports as the status documents of Gateway API. Pure. Each function takes the document as it is
// and returns what it should be: equal when nothing has changed, so that nothing is written.

namespace serin::gateway {

inline constexpr std::string_view in_force_type = "serin.dev/InForce";

// What is known of a route's splits. Nothing: not confirmed yet, the last report stays.
struct InForce {
    bool is_true = false;
    std::string reason;
    std::string message;
};

// `unbound`: the listener ports that could not be had, with the reason, by frontend. `trouble`: why
// HAProxy does not serve, or "".
json::Value gateway_status(
    const json::Value& current,
    const GatewayReport& report,
    const std::map<std::string, std::string>& unbound,
    const std::string& trouble,
    Instant now);

// Entries of other controllers stay; ours are replaced.
json::Value route_status(
    const json::Value& current,
    const RouteReport& report,
    const std::optional<InForce>& in_force,
    Instant now);

// The condition serin.dev/InForce of a Service, whose message lists the revisions that new requests
// go to. Without `in_force` nothing new is confirmed and the last report stays; without `report` no
// rule names the Service and ours is taken out.
json::Value service_status(
    const json::Value& current,
    const ServiceReport* report,
    const std::optional<InForce>& in_force,
    Instant now);

// The generation of a route that its status says is in force; 0 for none.
std::int64_t in_force_generation(const Object& route);

json::Value class_status(const json::Value& current, std::int64_t generation, Instant now);

}  // namespace serin::gateway
