#include "ports/plugin_exposure.h"

#include "base/digest.h"

#include <charconv>
#include <utility>

namespace serin {

namespace {

std::map<std::string, int> read_weights(const json::Value* value) {
    std::map<std::string, int> weights;
    const json::Object* members = json::object(value);
    if (!members) return weights;
    for (const auto& member : *members) {
        const auto weight = json::integer(&member.value());
        if (weight && *weight >= 0 && *weight <= 1'000'000) {
            weights[std::string(member.key())] = static_cast<int>(*weight);
        }
    }
    return weights;
}

json::Object weights_value(const std::map<std::string, int>& weights) {
    json::Object value;
    for (const auto& [service, weight] : weights) value[service] = weight;
    return value;
}

std::int64_t read_number(std::string_view text) {
    std::int64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

json::Object match_value(const TextMatch& match) {
    const std::string_view kind = match.kind == TextMatch::Kind::exact    ? "exact"
                                  : match.kind == TextMatch::Kind::prefix ? "prefix"
                                                                          : "regex";
    return {{kind, json::string(match.value)}};
}

json::Object wanted_value(const PluginExposure& wanted) {
    json::Object value{{"weights", weights_value(wanted.weights)}, {"routes", wanted.routes}};
    if (!wanted.routes.empty() && !wanted.routes_lead_to.empty()) {
        value["routesLeadTo"] = json::string(wanted.routes_lead_to);
    }
    return value;
}

}  // namespace

ObjectKey exposure_key(std::string_view ns, std::string_view rollout) {
    return {&types::config_map(), std::string(ns), std::string(rollout) + "-traffic"};
}

Result<Object> find_exposure(const ObjectStore& store, const RouteTarget& target) {
    auto object = store.get(exposure_key(target.ns, target.release));
    if (!object || object->label(exposure_label) == target.release) return object;
    return fail(
        ErrorKind::invalid,
        "ConfigMap \"" + std::string(object->name()) +
            "\" is not Serin's, which keeps the weights of a router plugin under that name: "
            "rename it");
}

std::string identity_of(const RouteTarget& target) {
    return sha256_hex(target.plugin + "\n" + json::print_canonical(target.config)).substr(0, 16);
}

bool is_confirmed(const PluginExposure& exposure, const RouteTarget& target) {
    return exposure.number > 0 && exposure.verified == exposure.number &&
           exposure.confirmed_by == identity_of(target);
}

bool leads_to_candidate(const PluginExposure& exposure, const RouteTarget& target) {
    return exposure.routes_lead_to.empty() || exposure.routes_lead_to == target.candidate_service;
}

PluginExposure read_exposure(const Object& config_map) {
    PluginExposure exposure;
    const auto wanted = json::parse(config_map.text("/data/wanted"));
    if (!wanted) return exposure;
    exposure.weights = read_weights(json::find(*wanted, "/weights"));
    if (const json::Array* routes = json::array(json::find(*wanted, "/routes"))) {
        exposure.routes = *routes;
    }
    exposure.routes_lead_to = json::text(json::find(*wanted, "/routesLeadTo")).value_or("");
    exposure.number = read_number(config_map.text("/data/number"));
    exposure.verified = read_number(config_map.text("/data/verified"));
    if (const auto in_force = json::parse(config_map.text("/data/inForce"))) {
        exposure.in_force = read_weights(&*in_force);
    }
    exposure.confirmed_by = config_map.text("/data/confirmedBy");
    exposure.message = config_map.text("/data/message");
    return exposure;
}

Object make_exposure(const Object& rollout, const RouteTarget& target) {
    const ObjectKey key = exposure_key(rollout.ns(), rollout.name());
    Object made(types::config_map(), key.ns, key.name);
    made.set_label(exposure_label, rollout.name());
    made.set_controller(rollout);
    put_wanted(
        made,
        {.weights = {{target.stable_service, 100}, {target.candidate_service, 0}}, .number = 1});
    return made;
}

void put_wanted(Object& config_map, const PluginExposure& wanted) {
    config_map.put("/data/wanted", json::string(json::print_canonical(wanted_value(wanted))));
    config_map.put("/data/number", json::string(std::to_string(wanted.number)));
}

json::Value confirmation(const PluginExposure& seen) {
    return json::Object{
        {"data",
         json::Object{
             {"verified", json::string(std::to_string(seen.verified))},
             {"inForce", json::string(json::print_canonical(weights_value(seen.in_force)))},
             {"confirmedBy", json::string(seen.confirmed_by)},
             {"message", json::string(seen.message)}}}};
}

json::Object route_value(const SideRouteShape& shape) {
    const bool is_mirror = shape.kind == SideRouteShape::Kind::mirror;
    json::Array matches;
    for (const RequestShape& request : shape.matches) {
        json::Object match;
        if (!is_mirror) {
            for (const auto& [name, value] : request.headers) {
                matches.push_back(json::Object{
                    {"headerName", json::string(name)}, {"headerValue", match_value(value)}});
            }
            continue;
        }
        if (!request.method.empty()) {
            match["method"] = json::Object{{"exact", json::string(request.method)}};
        }
        if (request.path) match["path"] = match_value(*request.path);
        json::Object headers;
        for (const auto& [name, value] : request.headers) headers[name] = match_value(value);
        if (!headers.empty()) match["headers"] = std::move(headers);
        matches.push_back(std::move(match));
    }
    json::Object value{
        {"name", json::string(shape.name)},
        {"kind", is_mirror ? "mirror" : "header"},
        {"match", std::move(matches)}};
    if (is_mirror) value["percentage"] = shape.percent;
    return value;
}

}  // namespace serin
