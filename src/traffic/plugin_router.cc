#include "traffic/plugin_router.h"

#include "ports/plugin_exposure.h"

#include <algorithm>
#include <utility>

namespace serin::traffic {

namespace {

Split split_of(const std::map<std::string, int>& weights, const RouteTarget& target) {
    Split split{.candidate = 0, .total = 0};
    for (const auto& [service, weight] : weights) {
        split.total += weight;
        if (service == target.candidate_service) {
            split.candidate = weight;
        } else if (service != target.stable_service && weight > 0) {
            split.others.push_back({service, weight});
        }
    }
    if (split.total == 0) return {};
    return split;
}

// The step that says of a route what is written; -1 when none does.
int step_of(const json::Value& route, const RouteTarget& target) {
    for (const SideRouteShape& shape : target.side_routes) {
        if (json::same(route, json::Value(route_value(shape)))) return shape.step;
    }
    return -1;
}

}  // namespace

RouterLimits PluginRouter::limits() const {
    return {.can_match_headers = true, .can_mirror = true, .can_verify = true};
}

Result<std::vector<ObjectKey>> PluginRouter::objects(const RouteTarget& target) const {
    return std::vector{exposure_key(target.ns, target.release)};
}

Result<SplitSeen> PluginRouter::observe(const RouteTarget& target) const {
    const auto object = find_exposure(store_, target);
    // It is made before anything is asked of the plugin.
    if (!object && object.error().kind == ErrorKind::not_found) return SplitSeen{};
    if (!object) return std::unexpected(object.error());
    const PluginExposure exposure = read_exposure(*object);
    SplitSeen seen{.written = split_of(exposure.weights, target)};
    if (!exposure.in_force.empty()) seen.in_force = split_of(exposure.in_force, target);
    seen.is_settled = is_confirmed(exposure, target);
    const bool leads_there = leads_to_candidate(exposure, target);
    for (const json::Value& route : exposure.routes) {
        seen.side_routes.push_back(
            {.name = std::string(json::text(json::find(route, "/name")).value_or("")),
             .step = leads_there ? step_of(route, target) : -1});
    }
    return seen;
}

Result<> PluginRouter::change(const RouteTarget& target, const auto& edit) {
    auto object = find_exposure(store_, target);
    if (!object && object.error().kind == ErrorKind::not_found) {
        SERIN_TRY(const Object rollout, store_.get({&types::rollout(), target.ns, target.release}));
        object = store_.create(make_exposure(rollout, target));
    }
    if (!object) return std::unexpected(object.error());
    PluginExposure wanted = read_exposure(*object);
    const auto weights = wanted.weights;
    const json::Array routes = wanted.routes;
    const std::string led_to = wanted.routes_lead_to;
    edit(wanted);
    const bool is_same = wanted.number > 0 && wanted.weights == weights &&
                         json::same(json::Value(wanted.routes), json::Value(routes)) &&
                         (routes.empty() || wanted.routes_lead_to == led_to);
    if (is_same) return {};
    ++wanted.number;
    put_wanted(*object, wanted);
    SERIN_TRY_DO(store_.update(*std::move(object)));
    return {};
}

Result<> PluginRouter::apply(const RouteTarget& target, Split wanted) {
    return change(target, [&](PluginExposure& exposure) {
        int stable = wanted.total - wanted.candidate;
        exposure.weights.clear();
        for (const SplitShare& other : wanted.others) {
            exposure.weights[other.service] = other.weight;
            stable -= other.weight;
        }
        exposure.weights[target.candidate_service] = wanted.candidate;
        exposure.weights[target.stable_service] = std::max(0, stable);
    });
}

Result<> PluginRouter::apply_side_routes(
    const RouteTarget& target, const std::vector<SideRoute>& wanted) {
    return change(target, [&](PluginExposure& exposure) {
        json::Array routes;
        for (const SideRoute& route : wanted) {
            const auto shape = std::ranges::find_if(target.side_routes, [&](const auto& one) {
                return one.name == route.name && one.step == route.step;
            });
            if (shape != target.side_routes.end()) {
                routes.push_back(route_value(*shape));
                continue;
            }
            // What no step says any more stays as it is until it ends.
            for (const json::Value& former : exposure.routes) {
                if (json::text(json::find(former, "/name")) == route.name) {
                    routes.push_back(former);
                }
            }
        }
        exposure.routes = std::move(routes);
        exposure.routes_lead_to = target.candidate_service;
    });
}

}  // namespace serin::traffic
