#include "sim/router_plugin.h"

#include <algorithm>
#include <vector>

namespace serin::sim {

namespace {

std::string text_of(const json::Object& question, std::string_view pointer) {
    return std::string(json::text(json::find(question, pointer)).value_or(""));
}

Split split_of(const json::Object& question) {
    const auto number = [&](std::string_view name) {
        return static_cast<int>(json::integer(question.if_contains(name)).value_or(0));
    };
    Split split{.candidate = number("desiredWeight"), .total = number("totalWeight")};
    const json::Array* others = json::array(question.if_contains("additionalDestinations"));
    if (!others) return split;
    for (const json::Value& other : *others) {
        const auto weight = json::integer(json::find(other, "/weight")).value_or(0);
        if (weight == 0) continue;
        split.others.push_back(
            {std::string(json::text(json::find(other, "/service")).value_or("")),
             static_cast<int>(weight)});
    }
    return split;
}

// Of the shapes that stories have.
SideRouteShape shape_of(const json::Object& question, bool is_mirror) {
    SideRouteShape shape{
        .name = text_of(question, "/route/name"),
        .kind = is_mirror ? SideRouteShape::Kind::mirror : SideRouteShape::Kind::headers};
    RequestShape request;
    if (is_mirror) {
        request.method = text_of(question, "/route/match/0/method/exact");
    } else {
        request.headers[text_of(question, "/route/match/0/headerName")] = {
            .value = text_of(question, "/route/match/0/headerValue/exact")};
    }
    shape.matches.push_back(std::move(request));
    return shape;
}

std::vector<SideRoute> routes_of(const RouteTarget& target) {
    std::vector<SideRoute> routes;
    for (const SideRouteShape& shape : target.side_routes) {
        routes.push_back({.name = shape.name, .step = shape.step});
    }
    return routes;
}

}  // namespace

RouteTarget RouterPlugin::target_of(const json::Object& question) const {
    RouteTarget target{
        .ns = text_of(question, "/rollout/namespace"),
        .stable_service = text_of(question, "/stableService"),
        .candidate_service = text_of(question, "/canaryService"),
        .config = {{"httpRoute", json::string(route_name)}},
        .managed_routes = {std::string(header_route), std::string(mirror_route)}};
    for (const auto& [name, shape] : told_) {
        target.side_routes.push_back(shape);
        target.side_routes.back().step = static_cast<int>(target.side_routes.size()) - 1;
    }
    return target;
}

json::Object RouterPlugin::answer(const json::Object& question) {
    stage_.reach("router plugin asked");
    const Quiet quiet(stage_);
    const std::string method = text_of(question, "/method");
    if (method == "VerifyWeight") return verify(target_of(question), question);
    const Result<> done = method == "SetWeight"
                              ? routes_.apply(target_of(question), split_of(question))
                              : take_routes(question);
    if (done) return {};
    return {{"error", json::string(done.error().message)}};
}

Result<> RouterPlugin::take_routes(const json::Object& question) {
    const std::string method = text_of(question, "/method");
    if (method == "RemoveManagedRoutes") {
        const json::Array* ended = json::array(question.if_contains("routes"));
        for (const json::Value& name : ended ? *ended : json::Array()) {
            told_.erase(std::string(json::text(&name).value_or("")));
        }
    } else {
        SideRouteShape shape = shape_of(question, method == "SetMirrorRoute");
        told_[shape.name] = shape;
    }
    const RouteTarget target = target_of(question);
    return routes_.apply_side_routes(target, routes_of(target));
}

json::Object RouterPlugin::verify(const RouteTarget& target, const json::Object& question) const {
    const auto seen = routes_.observe(target);
    const bool is_done = seen && seen->is_settled && seen->written == split_of(question) &&
                         seen->side_routes == routes_of(target);
    return {{"verified", is_done}};
}

}  // namespace serin::sim
