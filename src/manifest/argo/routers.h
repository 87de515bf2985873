#pragma once

#include "base/diagnostic.h"
#include "base/json.h"
#include "ports/traffic.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The routers of spec.strategy.canary.trafficRouting.

namespace serin::argo {

// What a router of trafficRouting can be asked for.
struct RouterAbilities {
    std::string_view key;
    bool has_header_routes = false;
    bool has_mirror_routes = false;
    bool has_arms = false;  // Weights of experiments.
    bool has_weight_max = false;
    bool alternates = false;  // pingPong.
};

// Of a key of trafficRouting. REQUIRES: it was accepted by read_router().
const RouterAbilities& abilities_of(std::string_view key);

// Its part of the manifest, with router, plugin, config, managed_routes and has_sides; nothing, and
// a diagnostic, without exactly one router. `path` is that of `routing`.
std::optional<RouteTarget> read_router(
    const json::Object& routing, const std::string& path, std::vector<Diagnostic>& diagnostics);

// The key of the router that `target` is of.
std::string_view router_key(const RouteTarget& target);

// Why there is no such router on one machine; nothing when there is one, or none is asked for.
std::optional<Diagnostic> refuse_on_one_machine(const json::Object& rollout);

}  // namespace serin::argo
