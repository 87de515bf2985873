#include "ports/routing_types.h"
#include "traffic/istio.h"

#include <algorithm>
#include <set>
#include <utility>

namespace serin::traffic::istio {

namespace {

const json::Array& array_at(const json::Value& value, std::string_view pointer) {
    static const json::Array none;
    const json::Array* array = json::array(json::find(value, pointer));
    return array == nullptr ? none : *array;
}

bool leads_to_both(const json::Value& route, const RouteTarget& target) {
    bool has_stable = false;
    bool has_candidate = false;
    for (const json::Value& one : array_at(route, "/route")) {
        const json::Value* destination = json::find(one, "/destination");
        if (destination == nullptr) continue;
        const Side side = side_of(*destination, target);
        has_stable = has_stable || side == Side::stable;
        has_candidate = has_candidate || side == Side::candidate;
    }
    return has_stable && has_candidate;
}

std::set<std::string> hosts_of(const json::Value& object) {
    std::set<std::string> hosts;
    for (const json::Value& host : array_at(object, "/sniHosts")) {
        hosts.emplace(json::text(&host).value_or(""));
    }
    return hosts;
}

// A TLS or TCP route is told by the port or the full list of hosts that it matches.
bool is_told(const json::Value& route, const json::Value& wanted) {
    const auto port = json::integer(json::find(wanted, "/port")).value_or(0);
    const std::set<std::string> hosts = hosts_of(wanted);
    return std::ranges::any_of(array_at(route, "/match"), [&](const json::Value& match) {
        const bool has_port = port == 0 || json::integer(json::find(match, "/port")) == port;
        return has_port && (hosts.empty() || hosts_of(match) == hosts);
    });
}

bool is_wanted(const json::Value& route, const json::Value& wanted) {
    if (const auto name = json::text(&wanted)) return text_at(route, "/name") == *name;
    return is_told(route, wanted);
}

std::unexpected<Error> refuse(const Object& service, const std::string& why) {
    return fail(
        ErrorKind::invalid, "VirtualService \"" + std::string(service.name()) + "\" " + why);
}

// Adds the routes of one kind (http, tls, tcp). `list` is where the configuration names them.
Result<> add_routes(
    Object& service,
    std::string_view kind,
    const json::Array& list,
    const RouteTarget& target,
    std::vector<json::Object*>& found) {
    json::Value* spec = service.document().if_contains("spec");
    json::Array* routes = spec != nullptr ? array_in(*spec, kind) : nullptr;
    std::vector<json::Object*> both;
    for (std::size_t i = 0; routes != nullptr && i < routes->size(); ++i) {
        json::Value& route = (*routes)[i];
        if (!route.is_object() || is_managed(route, target)) continue;
        if (leads_to_both(route, target)) both.push_back(&route.as_object());
    }
    if (list.empty()) {
        if (both.size() > 1) {
            return refuse(
                service,
                "has several " + std::string(kind) + " routes with both sides: name those meant");
        }
        found.insert(found.end(), both.begin(), both.end());
        return {};
    }
    for (const json::Value& wanted : list) {
        bool is_there = false;
        for (json::Object* route : both) {
            if (!is_wanted(json::Value(*route), wanted)) continue;
            is_there = true;
            if (std::ranges::find(found, route) == found.end()) found.push_back(route);
        }
        if (is_there) continue;
        return refuse(
            service,
            "has no " + std::string(kind) + " route " + json::print(wanted) + " with both sides");
    }
    return {};
}

json::Object match_text(const TextMatch& match) {
    const char* kind = match.kind == TextMatch::Kind::exact    ? "exact"
                       : match.kind == TextMatch::Kind::prefix ? "prefix"
                                                               : "regex";
    return {{kind, json::string(match.value)}};
}

json::Array make_matches(const SideRouteShape& shape) {
    json::Array matches;
    for (const RequestShape& wanted : shape.matches) {
        json::Object match;
        if (wanted.path) match["uri"] = match_text(*wanted.path);
        if (!wanted.method.empty()) {
            match["method"] = json::Object{{"exact", json::string(wanted.method)}};
        }
        json::Object headers;
        for (const auto& [name, text] : wanted.headers) headers[name] = match_text(text);
        if (!headers.empty()) match["headers"] = std::move(headers);
        matches.emplace_back(std::move(match));
    }
    return matches;
}

// `model` is a route of the release.
json::Value make_side_route(
    const json::Value& model, const RouteTarget& target, const SideRouteShape& shape) {
    json::Value candidate;
    for (const json::Value& one : array_at(model, "/route")) {
        const json::Value* destination = json::find(one, "/destination");
        if (destination != nullptr && side_of(*destination, target) == Side::candidate) {
            candidate = *destination;
        }
    }
    json::Object route{{"name", json::string(shape.name)}, {"match", make_matches(shape)}};
    if (shape.kind == SideRouteShape::Kind::headers) {
        route["route"] =
            json::Array{json::Object{{"destination", std::move(candidate)}, {"weight", 100}}};
        return route;
    }
    route["route"] = array_at(model, "/route");
    route["mirror"] = std::move(candidate);
    route["mirrorPercentage"] = json::Object{{"value", shape.percent}};
    return route;
}

// Weights come and go with the split.
json::Value without_weights(json::Value route) {
    if (json::Array* list = array_in(route, "route")) {
        for (json::Value& one : *list) {
            if (one.is_object()) one.as_object().erase("weight");
        }
    }
    return route;
}

const SideRouteShape* shape_of(const RouteTarget& target, int step) {
    const auto found = std::ranges::find(target.side_routes, step, &SideRouteShape::step);
    return found == target.side_routes.end() ? nullptr : &*found;
}

// The first HTTP route of the release.
Result<json::Value> model_of(Object& service, const Named& named, const RouteTarget& target) {
    std::vector<json::Object*> found;
    SERIN_TRY_DO(
        add_routes(service, "http", array_at(json::Value(named.config), "/routes"), target, found));
    if (found.empty()) return refuse(service, "has no http route with both sides");
    return json::Value(*found.front());
}

}  // namespace

std::vector<Named> virtual_services(const RouteTarget& target) {
    std::vector<Named> all;
    const auto add = [&](const json::Value* value) {
        const json::Object* config = json::object(value);
        if (config == nullptr) return;
        auto [name, ns] = split_name(config_text(*config, "/name"), target.ns);
        all.push_back(
            {{.type = &routing_type("VirtualService"),
              .ns = std::move(ns),
              .name = std::move(name)},
             *config});
    };
    add(target.config.if_contains("virtualService"));
    if (const json::Array* list = json::array(target.config.if_contains("virtualServices"))) {
        for (const json::Value& one : *list) add(&one);
    }
    return all;
}

ObjectKey destination_rule(const RouteTarget& target) {
    return {
        .type = &routing_type("DestinationRule"),
        .ns = target.ns,
        .name = config_text(target.config, "/destinationRule/name")};
}

std::string host_of(const json::Value& destination) {
    const std::string_view host = text_at(destination, "/host");
    return std::string(host.substr(0, host.find('.')));
}

Side side_of(const json::Value& destination, const RouteTarget& target) {
    const std::string_view subset = text_at(destination, "/subset");
    if (target.has_sides && !subset.empty()) {
        if (subset == config_text(target.config, "/destinationRule/canarySubsetName")) {
            return Side::candidate;
        }
        if (subset == config_text(target.config, "/destinationRule/stableSubsetName")) {
            return Side::stable;
        }
    }
    const std::string host = host_of(destination);
    if (host.empty()) return Side::neither;
    if (host == target.candidate_service) return Side::candidate;
    return host == target.stable_service ? Side::stable : Side::neither;
}

bool is_managed(const json::Value& route, const RouteTarget& target) {
    const auto name = text_at(route, "/name");
    return std::ranges::find(target.managed_routes, name) != target.managed_routes.end();
}

Result<std::vector<json::Object*>> routes_of(
    Object& service, const Named& named, const RouteTarget& target) {
    const json::Value config(named.config);
    std::vector<json::Object*> found;
    SERIN_TRY_DO(add_routes(service, "http", array_at(config, "/routes"), target, found));
    SERIN_TRY_DO(add_routes(service, "tls", array_at(config, "/tlsRoutes"), target, found));
    SERIN_TRY_DO(add_routes(service, "tcp", array_at(config, "/tcpRoutes"), target, found));
    if (!found.empty()) return found;
    return refuse(service, "has no route that leads to both sides of the release");
}

Result<> put_side_routes(
    Object& service,
    const Named& named,
    const RouteTarget& target,
    const std::vector<SideRoute>& wanted) {
    json::Array routes;
    for (const std::string& name : target.managed_routes) {
        const auto one = std::ranges::find(wanted, name, &SideRoute::name);
        if (one == wanted.end()) continue;
        const SideRouteShape* shape = shape_of(target, one->step);
        if (shape == nullptr) {
            return fail(ErrorKind::internal, "no step says what route " + name + " matches");
        }
        SERIN_TRY(const json::Value model, model_of(service, named, target));
        routes.push_back(make_side_route(model, target, *shape));
    }
    const json::Array* former = json::array(service.find("/spec/http"));
    if (former == nullptr) return {};
    for (const json::Value& route : *former) {
        if (!is_managed(route, target)) routes.push_back(route);
    }
    service.put("/spec/http", std::move(routes));
    return {};
}

std::vector<SideRoute> find_side_routes(
    const Object& service, const Named& named, const RouteTarget& target) {
    std::vector<SideRoute> found;
    const json::Array* routes = json::array(service.find("/spec/http"));
    Object copy = service;
    const auto model = model_of(copy, named, target);
    for (std::size_t i = 0; routes != nullptr && i < routes->size(); ++i) {
        const json::Value& route = (*routes)[i];
        if (!is_managed(route, target)) continue;
        SideRoute one{.name = std::string(text_at(route, "/name"))};
        for (const SideRouteShape& shape : target.side_routes) {
            if (!model || shape.name != one.name || one.step >= 0) continue;
            const json::Value made = make_side_route(*model, target, shape);
            if (json::same(without_weights(route), without_weights(made))) one.step = shape.step;
        }
        found.push_back(std::move(one));
    }
    std::ranges::sort(found, {}, &SideRoute::name);
    return found;
}

}  // namespace serin::traffic::istio
