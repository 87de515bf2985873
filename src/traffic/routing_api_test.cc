#include "traffic/routing_api.h"

#include "ports/routing_types.h"

#include <doctest/doctest.h>

#include <string>

namespace serin::traffic {
namespace {

json::Value parsed(std::string_view text) {
    auto value = json::parse(text);
    REQUIRE_MESSAGE(value, (value ? "" : value.error().message));
    return *std::move(value);
}

RouteTarget target_of(std::string_view router, std::string_view config) {
    return {
        .ns = "default",
        .stable_service = "stable",
        .candidate_service = "canary",
        .config = parsed(config).as_object(),
        .release = "shop",
        .router = std::string(router)};
}

Object object(std::string_view kind, std::string_view name, std::string_view spec) {
    Object made(routing_type(kind), "default", name);
    made.put("/spec", parsed(spec));
    return made;
}

Objects objects(std::initializer_list<Object> all) {
    Objects found;
    for (const Object& one : all) found.emplace(one.key(), one);
    return found;
}

void own(Object& object, std::string_view release = "shop") {
    Object rollout(types::rollout(), "default", release);
    rollout.put("/metadata/uid", "u1");
    object.set_controller(rollout);
}

ObjectKey key(std::string_view kind, std::string name) {
    return {&routing_type(kind), "default", std::move(name)};
}

// What is there afterwards; what the release made belongs to it, as object_router has it.
Objects written(const RouteTarget& target, const Objects& now, const Split& wanted) {
    auto after = routing_api(target.router)->write(now, target, wanted);
    REQUIRE_MESSAGE(after, (after ? "" : after.error().message));
    for (auto& [key, object] : *after) {
        if (!now.contains(key)) own(object);
    }
    return *std::move(after);
}

Split read(const RouteTarget& target, const Objects& now) {
    const auto seen = routing_api(target.router)->read(now, target);
    REQUIRE_MESSAGE(seen, (seen ? "" : seen.error().message));
    CHECK(seen->is_settled);
    return seen->written;
}

std::string problem(const RouteTarget& target, const Objects& now) {
    const auto seen = routing_api(target.router)->read(now, target);
    const auto after = routing_api(target.router)->write(now, target, {.candidate = 5});
    CHECK_FALSE(after);
    return seen ? "" : seen.error().message;
}

std::string spec_of(const Objects& all, const ObjectKey& key) {
    return json::print_canonical(*all.at(key).find("/spec"));
}

std::string canonical(std::string_view text) {
    return json::print_canonical(parsed(text));
}

constexpr std::string_view ingress_spec = R"({"ingressClassName": "nginx",
    "tls": [{"hosts": ["shop.example"], "secretName": "shop"}],
    "rules": [
      {"host": "shop.example", "http": {"paths": [
        {"path": "/", "pathType": "Prefix",
         "backend": {"service": {"name": "stable", "port": {"number": 80}}}},
        {"path": "/api", "pathType": "Prefix",
         "backend": {"service": {"name": "api", "port": {"number": 80}}}}]}},
      {"host": "files.example", "http": {"paths": [
        {"path": "/", "pathType": "Prefix",
         "backend": {"service": {"name": "files", "port": {"number": 80}}}}]}}]})";

}  // namespace

TEST_CASE("nginx: a second Ingress leads the paths of stable to the canary") {
    const auto target = target_of("nginx", R"({"stableIngress": "web",
        "additionalIngressAnnotations": {"canary-by-header": "X-Canary"},
        "canaryIngressAnnotations": {"team": "shop"}})");
    Object stable = object("Ingress", "web", ingress_spec);
    stable.set_annotation("nginx.ingress.kubernetes.io/rewrite-target", "/");
    stable.set_annotation("kubernetes.io/ingress.class", "nginx");
    Objects now = objects({stable});
    CHECK(read(target, now) == Split{});

    now = written(target, now, {.candidate = 15});
    CHECK(read(target, now) == Split{.candidate = 15});
    const ObjectKey made = key("Ingress", "shop-web-canary");
    CHECK(spec_of(now, made) == canonical(R"({"ingressClassName": "nginx",
            "tls": [{"hosts": ["shop.example"], "secretName": "shop"}],
            "rules": [{"host": "shop.example", "http": {"paths": [
                {"path": "/", "pathType": "Prefix",
                 "backend": {"service": {"name": "canary", "port": {"number": 80}}}}]}}]})"));
    CHECK(
        json::print_canonical(*now.at(made).find("/metadata/annotations")) ==
        canonical(R"({"kubernetes.io/ingress.class": "nginx",
            "nginx.ingress.kubernetes.io/canary": "true",
            "nginx.ingress.kubernetes.io/canary-by-header": "X-Canary",
            "nginx.ingress.kubernetes.io/canary-weight": "15", "team": "shop"})"));
    CHECK(spec_of(now, key("Ingress", "web")) == canonical(ingress_spec));
}

TEST_CASE("nginx: the canary follows its Ingress, and ends at weight 0 without being deleted") {
    const auto target = target_of("nginx", R"({"stableIngresses": ["web", "admin"],
        "annotationPrefix": "acme.io"})");
    Objects now =
        objects({object("Ingress", "web", ingress_spec), object("Ingress", "admin", ingress_spec)});
    now = written(target, now, {.candidate = 30, .total = 1000});
    Object& web = now.at(key("Ingress", "shop-web-canary"));
    CHECK(web.annotation("acme.io/canary-weight") == "30");
    CHECK(web.annotation("acme.io/canary-weight-total") == "1000");
    CHECK(read(target, now) == Split{.candidate = 30, .total = 1000});

    // One of two that says something else is no state to believe in: the worse one is shown.
    web.set_annotation("acme.io/canary-weight", "90");
    web.set_annotation("note", "mine");
    const auto seen = routing_api("nginx")->read(now, target);
    CHECK_FALSE(seen->is_settled);
    CHECK(seen->written.candidate == 90);

    Object& stable = now.at(key("Ingress", "web"));
    stable.erase("/spec/tls");
    now = written(target, now, {.candidate = 0});
    const Object& after = now.at(key("Ingress", "shop-web-canary"));
    CHECK(after.find("/spec/tls") == nullptr);
    CHECK(after.annotation("note") == "mine");
    CHECK(after.annotation("acme.io/canary-weight") == "0");
    CHECK(read(target, now) == Split{});
}

TEST_CASE("nginx: what cannot be split is refused with its reason") {
    const auto target = target_of("nginx", R"({"stableIngress": "web"})");
    CHECK(
        problem(target, {}) ==
        "Ingress \"default/web\" not found: write it, or install ingresses.networking.k8s.io v1");
    CHECK(
        problem(target, objects({object("Ingress", "web", R"({"rules": []})")})) ==
        "Ingress \"web\" has no rule with Service \"stable\" as the backend of a path");
    Object foreign = object("Ingress", "shop-web-canary", "{}");
    own(foreign, "other");
    CHECK(problem(target, objects({object("Ingress", "web", ingress_spec), foreign}))
              .contains("is not of rollout \"shop\""));
}

TEST_CASE("nginx: the canary's name has at most 253 letters") {
    auto target = target_of("nginx", R"({"stableIngress": "web"})");
    target.release = std::string(250, 'r');
    const auto keys = routing_api("nginx")->objects(target);
    REQUIRE(keys.size() == 2);
    CHECK(keys[1].name == std::string(246, 'r') + "-canary");
}

TEST_CASE("Traefik: the weights of two services in a TraefikService, and nothing else") {
    const auto target = target_of("traefik", R"({"weightedTraefikServiceName": "web"})");
    Objects now = objects({object("TraefikService", "web", R"({"weighted": {"sticky": {},
        "services": [{"name": "stable", "port": 80}, {"name": "canary", "port": 80},
                     {"name": "other", "port": 80, "weight": 3}]}})")});
    CHECK(read(target, now) == Split{});
    now = written(target, now, {.candidate = 25});
    CHECK(spec_of(now, key("TraefikService", "web")) == canonical(R"({"weighted": {"sticky": {},
            "services": [{"name": "stable", "port": 80, "weight": 75},
                         {"name": "canary", "port": 80, "weight": 25},
                         {"name": "other", "port": 80, "weight": 3}]}})"));
    CHECK(read(target, now) == Split{.candidate = 25});
    CHECK(problem(target, objects({object("TraefikService", "web", R"({"mirroring": {}})")}))
              .contains("has no spec.weighted.services with stable and canary"));
}

TEST_CASE("SMI: a TrafficSplit of the release's own") {
    const auto target = target_of("smi", R"({"rootService": "web"})");
    CHECK(read(target, {}) == Split{});
    const Split wanted{.candidate = 20, .others = {{"arm", 10}}};
    Objects now = written(target, {}, wanted);
    CHECK(
        spec_of(now, key("TrafficSplit", "shop")) ==
        canonical(R"({"service": "web", "backends": [{"service": "canary", "weight": 20},
            {"service": "arm", "weight": 10}, {"service": "stable", "weight": 70}]})"));
    CHECK(read(target, now) == wanted);
    CHECK(problem(target, objects({object("TrafficSplit", "shop", "{}")}))
              .contains("is not of rollout"));
}

TEST_CASE("Ambassador: a copy of the Mapping while the canary has a weight") {
    const auto target = target_of("ambassador", R"({"mappings": ["web"]})");
    Objects now = objects(
        {object("Mapping", "web", R"({"prefix": "/", "service": "http://stable.default:8080"})")});
    CHECK(read(target, now) == Split{});
    now = written(target, now, {.candidate = 5});
    CHECK(
        spec_of(now, key("Mapping", "web-canary")) ==
        canonical(R"({"prefix": "/", "service": "http://canary.default:8080", "weight": 5})"));
    CHECK(read(target, now) == Split{.candidate = 5});
    now = written(target, now, {.candidate = 0});
    CHECK(now.size() == 1);
    CHECK(problem(
              target, objects({object("Mapping", "web", R"({"service": "stable", "weight": 20})")}))
              .contains("has a weight of its own"));
    CHECK(problem(target, objects({object("Mapping", "web", R"({"service": "stable-2:80"})")}))
              .contains("not to Service \"stable\""));
}

TEST_CASE("Ambassador: the copy is of the version that the cluster serves") {
    const auto target = target_of("ambassador", R"({"mappings": ["web"]})");
    const ResourceType* newest = find_kind("getambassador.io/v3alpha1", "Mapping");
    const ResourceType* older = find_kind("getambassador.io/v2", "Mapping");
    const auto mapping = [](const ResourceType* type) {
        Object made(*type, "default", "web");
        made.put("/spec", parsed(R"({"prefix": "/", "service": "stable"})"));
        return made;
    };
    const auto has_copy = [](const Objects& now, const ResourceType* type) {
        return now.contains({type, "default", "web-canary"});
    };
    Objects now = written(target, objects({mapping(older)}), {.candidate = 5});
    CHECK(has_copy(now, older));
    CHECK_FALSE(has_copy(now, newest));
    CHECK(read(target, now) == Split{.candidate = 5});
    // One that serves both shows the same object twice: it is written once.
    now = written(target, objects({mapping(older), mapping(newest)}), {.candidate = 5});
    CHECK(has_copy(now, newest));
    CHECK_FALSE(has_copy(now, older));
    CHECK(problem(target, {}).contains("install mappings.getambassador.io v3alpha1"));
}

TEST_CASE("APISIX: the weights of two backends in the rules that are named") {
    const std::string_view spec = R"({"http": [
        {"name": "web", "backends": [{"serviceName": "stable", "servicePort": 80},
                                     {"serviceName": "canary", "servicePort": 80}]},
        {"name": "rest", "backends": [{"serviceName": "files", "servicePort": 80}]}]})";
    const auto target = target_of("apisix", R"({"route": {"name": "web"}})");
    Objects now = written(target, objects({object("ApisixRoute", "web", spec)}), {.candidate = 40});
    const std::string after = spec_of(now, key("ApisixRoute", "web"));
    CHECK(after.contains(R"({"serviceName":"canary","servicePort":80,"weight":40})"));
    CHECK(after.contains(R"({"serviceName":"stable","servicePort":80,"weight":60})"));
    CHECK(after.contains(R"({"serviceName":"files","servicePort":80})"));
    CHECK(read(target, now) == Split{.candidate = 40});
    const auto other = target_of("apisix", R"({"route": {"name": "web", "rules": ["rest"]}})");
    CHECK(problem(other, now).contains("has no rule \"rest\" with backends stable and canary"));
}

TEST_CASE("ALB: the action of the root service's backend") {
    const auto target = target_of("alb", R"({"ingress": "web", "servicePort": 443,
        "rootService": "root", "stickinessConfig": {"enabled": true, "durationSeconds": 60}})");
    Object ingress = object("Ingress", "web", R"({"rules": [{"http": {"paths": [{"path": "/*",
        "backend": {"service": {"name": "root", "port": {"name": "use-annotation"}}}}]}}]})");
    ingress.set_annotation("alb.ingress.kubernetes.io/scheme", "internal");
    Objects now = objects({ingress});
    CHECK(read(target, now) == Split{});
    now = written(target, now, {.candidate = 10});
    const Object& after = now.at(key("Ingress", "web"));
    CHECK(
        after.annotation("alb.ingress.kubernetes.io/actions.root") ==
        R"({"Type":"forward","ForwardConfig":{"TargetGroups":[)"
        R"({"ServiceName":"canary","ServicePort":"443","Weight":10},)"
        R"({"ServiceName":"stable","ServicePort":"443","Weight":90}],)"
        R"("TargetGroupStickinessConfig":{"Enabled":true,"DurationSeconds":60}}})");
    CHECK(after.annotation("alb.ingress.kubernetes.io/scheme") == "internal");
    CHECK(read(target, now) == Split{.candidate = 10});
    CHECK(problem(target, objects({object("Ingress", "web", ingress_spec)}))
              .contains("has no rule with Service \"root\""));
}

}  // namespace serin::traffic
