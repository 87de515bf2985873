#include "traffic/routing_api.h"

#include "traffic/routing_apis.h"
#include "traffic/shares.h"

namespace serin::traffic {

Result<Objects> RoutingApi::write_side_routes(
    Objects now, const RouteTarget& target, const std::vector<SideRoute>& wanted) const {
    if (wanted.empty()) return now;
    return fail(ErrorKind::invalid, target.router + " has no header or mirror routes");
}

Result<SidesSeen> RoutingApi::sides(const Objects& /*now*/, const RouteTarget& /*target*/) const {
    return SidesSeen{};
}

Result<Objects> RoutingApi::point_sides(
    Objects now, const RouteTarget& target, const SidesSeen& wanted) const {
    if (wanted == SidesSeen{}) return now;
    return fail(ErrorKind::invalid, target.router + " leads to Services only");
}

const RoutingApi* routing_api(std::string_view name) {
    static const AlbApi alb;
    static const AmbassadorApi ambassador;
    static const ApisixApi apisix;
    static const IstioApi istio;
    static const NginxApi nginx;
    static const SmiApi smi;
    static const TraefikApi traefik;
    static const std::map<std::string_view, const RoutingApi*> all{
        {"alb", &alb},
        {"ambassador", &ambassador},
        {"apisix", &apisix},
        {"istio", &istio},
        {"nginx", &nginx},
        {"smi", &smi},
        {"traefik", &traefik},
    };
    const auto found = all.find(name);
    return found == all.end() ? nullptr : found->second;
}

namespace {

std::unexpected<Error> missing(const ObjectKey& key) {
    return fail(
        ErrorKind::not_found,
        std::string(key.type->kind) + " \"" + key.ns + "/" + key.name +
            "\" not found: write it, or install " + std::string(key.type->plural) + "." +
            std::string(key.type->group) + " " + std::string(key.type->version));
}

}  // namespace

Result<const Object*> needed(const Objects& now, const ObjectKey& key) {
    const auto found = now.find(key);
    if (found == now.end()) return missing(key);
    return &found->second;
}

Result<Object*> needed(Objects& now, const ObjectKey& key) {
    const auto found = now.find(key);
    if (found == now.end()) return missing(key);
    return &found->second;
}

std::vector<std::string> names_in(
    const json::Object& config, std::string_view one, std::string_view all) {
    const auto single = json::text(config.if_contains(one)).value_or("");
    if (!single.empty()) return {std::string(single)};
    std::vector<std::string> names;
    if (const json::Array* list = json::array(config.if_contains(all))) {
        for (const json::Value& item : *list) names.emplace_back(json::text(&item).value_or(""));
    }
    return names;
}

std::pair<std::string, std::string> split_name(std::string_view name, const std::string& ns) {
    const auto dot = name.find('.');
    if (dot == std::string_view::npos) return {std::string(name), ns};
    return {std::string(name.substr(0, dot)), std::string(name.substr(dot + 1))};
}

std::string config_text(
    const json::Object& config, std::string_view pointer, std::string_view otherwise) {
    const auto text = json::text(json::find(config, pointer)).value_or("");
    return std::string(text.empty() ? otherwise : text);
}

bool is_own(const Object& object, const RouteTarget& target) {
    const json::Object* owner = object.controller();
    return owner != nullptr && json::text(owner->if_contains("kind")) == "Rollout" &&
           json::text(owner->if_contains("name")) == target.release;
}

Result<> check_own(const Objects& now, const ObjectKey& key, const RouteTarget& target) {
    const auto found = now.find(key);
    if (found == now.end() || is_own(found->second, target)) return {};
    return fail(
        ErrorKind::invalid,
        std::string(key.type->kind) + " \"" + key.ns + "/" + key.name + "\" is not of rollout \"" +
            target.release + "\": remove it, or rename one of them");
}

json::Array* array_in(json::Value& object, std::string_view member) {
    json::Value* value = object.is_object() ? object.as_object().if_contains(member) : nullptr;
    return value != nullptr && value->is_array() ? &value->as_array() : nullptr;
}

std::string_view text_at(const json::Value& value, std::string_view pointer) {
    return json::text(json::find(value, pointer)).value_or("");
}

void Readings::add(const Split& split) {
    const bool is_first = !has_any;
    has_any = true;
    if (!is_first && !is_same_share(split, seen.written)) seen.is_settled = false;
    if (is_first || gives_more(split, seen.written)) seen.written = split;
}

}  // namespace serin::traffic
