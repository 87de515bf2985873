#include "manifest/argo/routers.h"

#include "base/check.h"
#include "manifest/argo/fields.h"
#include "manifest/argo/names.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

namespace serin::argo {

namespace {

constexpr std::string_view plugins_key = "plugins";

constexpr RouterAbilities routers[] = {
    {.key = plugins_key,
     .has_header_routes = true,
     .has_mirror_routes = true,
     .has_arms = true,
     .has_weight_max = true,
     .alternates = true},
    {.key = "istio",
     .has_header_routes = true,
     .has_mirror_routes = true,
     .has_arms = true,
     .alternates = true},
    {.key = "nginx", .has_weight_max = true},
    {.key = "traefik"},
    {.key = "smi", .has_arms = true},
    {.key = "apisix"},
    {.key = "ambassador"},
    {.key = "alb", .has_arms = true, .alternates = true},
};

const RouterAbilities* find_router(std::string_view key) {
    const auto found = std::ranges::find(routers, key, &RouterAbilities::key);
    return found == std::end(routers) ? nullptr : found;
}

class RouterReader : private Fields {
public:
    RouterReader(std::string path, std::vector<Diagnostic>& diagnostics)
        : Fields(diagnostics), path_(std::move(path)) {}

    std::optional<RouteTarget> read(const json::Object& routing) {
        const std::string_view key = only_router(routing);
        if (key.empty()) return std::nullopt;
        const json::Object* config = object_at(routing, key);
        const std::string at = path_ + "." + std::string(key);
        RouteTarget target;
        if (key == plugins_key) {
            if (!read_plugin(*config, at, target)) return std::nullopt;
        } else {
            target.router = key;
            target.config = *config;
            target.has_sides = key == "istio" && object_at(*config, "destinationRule") != nullptr;
            check(key, *config, at);
        }
        if (routing.if_contains("maxTrafficWeight") && !abilities_of(key).has_weight_max) {
            error(path_ + ".maxTrafficWeight", "is only possible with nginx or plugins");
        }
        const json::Array* managed = json::array(routing.if_contains("managedRoutes"));
        for (std::size_t i = 0; managed && i < managed->size(); ++i) {
            const auto name = json::text(json::find((*managed)[i], "/name"));
            if (name && !name->empty()) target.managed_routes.emplace_back(*name);
        }
        return target;
    }

private:
    // Its key; empty after a diagnostic.
    std::string_view only_router(const json::Object& routing) {
        std::string_view found;
        for (const auto& member : routing) {
            const std::string_view key(member.key().data(), member.key().size());
            if (key == "maxTrafficWeight" || key == "managedRoutes") continue;
            const RouterAbilities* router = find_router(key);
            if (member.value().is_null()) continue;
            if (router == nullptr) {
                error(path_ + "." + std::string(key), not_supported);
                return {};
            }
            if (!member.value().is_object()) {
                error(path_ + "." + std::string(key), "expected an object");
                return {};
            }
            if (!found.empty()) {
                error(
                    path_ + "." + std::string(key),
                    "is a second router beside " + std::string(found),
                    "keep one of them");
                return {};
            }
            found = router->key;
        }
        if (found.empty()) {
            error(
                path_ + ".plugins",
                "missing",
                "use plugins: {" + std::string(gateway_api_plugin) + ": {httpRoute: ...}}");
        }
        return found;
    }

    bool read_plugin(const json::Object& plugins, const std::string& at, RouteTarget& target) {
        const std::string key(gateway_api_plugin);
        if (plugins.empty()) {
            error(at, "missing", "use plugins: {" + key + ": {httpRoute: ...}}");
            return false;
        }
        if (plugins.size() > 1) {
            error(at, "names several routers", "keep one of them");
            return false;
        }
        const std::string name(plugins.begin()->key());
        const json::Object* config = object_at(plugins, name);
        if (config == nullptr) {
            error(at + "." + name, "expected an object");
            return false;
        }
        target.config = *config;
        target.plugin = name == key ? std::string() : name;
        return true;
    }

    void check(std::string_view key, const json::Object& config, const std::string& at) {
        if (key == "nginx") check_nginx(config, at);
        if (key == "istio") check_istio(config, at);
        if (key == "alb") check_alb(config, at);
        if (key == "smi") allow(config, at, {"rootService", "trafficSplitName"});
        if (key == "ambassador") {
            allow(config, at, {"mappings"});
            list_of_names(config, at, "mappings");
        }
        if (key == "traefik") {
            allow(config, at, {"weightedTraefikServiceName"});
            name(config, at, "weightedTraefikServiceName");
        }
        if (key == "apisix") {
            allow(config, at, {"route"});
            const json::Object* route = object_at(config, "route");
            if (route == nullptr)
                return error(at + ".route", "missing", "write route: {name: ...}");
            allow(*route, at + ".route", {"name", "rules"});
            name(*route, at + ".route", "name");
        }
    }

    void check_istio(const json::Object& config, const std::string& at) {
        allow(config, at, {"virtualService", "virtualServices", "destinationRule"});
        const json::Object* one = object_at(config, "virtualService");
        const json::Array* several = json::array(config.if_contains("virtualServices"));
        const bool has_several = several != nullptr && !several->empty();
        if (one != nullptr && has_several) {
            error(
                at + ".virtualServices", "cannot be used with virtualService", "keep one of them");
        }
        if (one == nullptr && !has_several) {
            error(at + ".virtualService", "missing", "name one, or several in virtualServices");
        }
        if (one != nullptr) check_virtual_service(*one, at + ".virtualService");
        for (std::size_t i = 0; has_several && i < several->size(); ++i) {
            const std::string where = at + ".virtualServices[" + std::to_string(i) + "]";
            if (const json::Object* item = json::object(&(*several)[i])) {
                check_virtual_service(*item, where);
            } else {
                error(where, "expected an object");
            }
        }
        const json::Object* rule = object_at(config, "destinationRule");
        if (rule == nullptr) return;
        const std::string where = at + ".destinationRule";
        allow(
            *rule,
            where,
            {"name", "canarySubsetName", "stableSubsetName", "additionalSubsetNames"});
        for (const char* field : {"name", "canarySubsetName", "stableSubsetName"}) {
            name(*rule, where, field);
        }
        if (text(*rule, "canarySubsetName") == text(*rule, "stableSubsetName")) {
            error(where + ".canarySubsetName", "must differ from stableSubsetName");
        }
    }

    void check_virtual_service(const json::Object& service, const std::string& at) {
        allow(service, at, {"name", "routes", "tlsRoutes", "tcpRoutes"});
        name(service, at, "name");
    }

    void check_alb(const json::Object& config, const std::string& at) {
        allow(
            config,
            at,
            {"ingress",
             "ingresses",
             "servicePort",
             "rootService",
             "annotationPrefix",
             "stickinessConfig"});
        names(config, at, "ingress", "ingresses");
        if (const int port = integer(config, "servicePort", at, 0); port < 1 || port > 65535) {
            error(at + ".servicePort", "expected a port", "write the Service's, from 1 to 65535");
        }
        const json::Object* sticky = object_at(config, "stickinessConfig");
        if (sticky == nullptr) return;
        constexpr int week_seconds = 604'800;
        const std::string where = at + ".stickinessConfig";
        const int seconds = integer(*sticky, "durationSeconds", where, 0);
        if (seconds < 1 || seconds > week_seconds) {
            error(where + ".durationSeconds", "must be from 1 to 604800");
        }
    }

    void name(const json::Object& config, const std::string& at, const char* field) {
        if (text(config, field).empty()) error(at + "." + field, "missing");
    }

    void list_of_names(const json::Object& config, const std::string& at, const char* field) {
        const json::Array* list = json::array(config.if_contains(field));
        if (list == nullptr || list->empty()) error(at + "." + field, "names none");
        for (std::size_t i = 0; list && i < list->size(); ++i) {
            if (!json::text(&(*list)[i]).value_or("").empty()) continue;
            error(at + "." + field + "[" + std::to_string(i) + "]", "expected a name");
        }
    }

    void check_nginx(const json::Object& config, const std::string& at) {
        allow(
            config,
            at,
            {"stableIngress",
             "stableIngresses",
             "annotationPrefix",
             "additionalIngressAnnotations",
             "canaryIngressAnnotations"});
        names(config, at, "stableIngress", "stableIngresses");
        for (const char* field : {"additionalIngressAnnotations", "canaryIngressAnnotations"}) {
            texts(config, at, field);
        }
    }

    // Exactly one of a name and a list of names, none of them empty.
    void names(
        const json::Object& config, const std::string& at, const char* one, const char* several) {
        const bool has_one = !text(config, one).empty();
        const json::Array* list = json::array(config.if_contains(several));
        const bool has_list = list != nullptr && !list->empty();
        if (has_one && has_list) {
            error(
                at + "." + several, std::string("cannot be used with ") + one, "keep one of them");
        }
        if (!has_one && !has_list) {
            error(at + "." + one, "missing", std::string("name one, or several in ") + several);
        }
        if (has_list) list_of_names(config, at, several);
    }

    void texts(const json::Object& config, const std::string& at, const char* field) {
        const json::Object* map = object_at(config, field);
        if (map == nullptr) return;
        for (const auto& member : *map) {
            if (member.value().is_string()) continue;
            error(at + "." + field + "." + std::string(member.key()), "expected text", "quote it");
        }
    }

    std::string path_;
};

}  // namespace

const RouterAbilities& abilities_of(std::string_view key) {
    const RouterAbilities* router = find_router(key);
    SERIN_CHECK(router != nullptr);
    return *router;
}

std::optional<RouteTarget> read_router(
    const json::Object& routing, const std::string& path, std::vector<Diagnostic>& diagnostics) {
    return RouterReader(path, diagnostics).read(routing);
}

std::string_view router_key(const RouteTarget& target) {
    return target.router.empty() ? plugins_key : std::string_view(target.router);
}

std::optional<Diagnostic> refuse_on_one_machine(const json::Object& rollout) {
    const std::string at = "/spec/strategy/canary/trafficRouting";
    const json::Object* routing = json::object(json::find(rollout, at));
    if (routing == nullptr) return std::nullopt;
    const std::string plugin = "/plugins/" + json::escape_pointer(gateway_api_plugin);
    for (const char* field : {"grpcRoute", "grpcRoutes"}) {
        if (json::find(*routing, plugin + "/" + field) == nullptr) continue;
        Diagnostic diagnostic;
        diagnostic.path = "spec.strategy.canary.trafficRouting.plugins." +
                          std::string(gateway_api_plugin) + "." + field;
        diagnostic.message = "GRPCRoutes are not served on one machine";
        diagnostic.suggestion = "use an HTTPRoute";
        return diagnostic;
    }
    for (const auto& member : *routing) {
        const std::string key(member.key());
        if (key == plugins_key || find_router(key) == nullptr || member.value().is_null()) continue;
        Diagnostic diagnostic;
        diagnostic.path = "spec.strategy.canary.trafficRouting." + key;
        diagnostic.message = "there is no such controller on one machine";
        diagnostic.suggestion =
            "use plugins: {" + std::string(gateway_api_plugin) + ": {httpRoute: ...}}";
        return diagnostic;
    }
    return std::nullopt;
}

}  // namespace serin::argo
