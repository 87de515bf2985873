#include "ports/routing_types.h"
#include "traffic/routing_api.h"

#include <doctest/doctest.h>

#include <string>

namespace serin::traffic {
namespace {

json::Value parsed(std::string_view text) {
    auto value = json::parse(text);
    REQUIRE_MESSAGE(value, (value ? "" : value.error().message));
    return *std::move(value);
}

RouteTarget target_of(std::string_view config) {
    RouteTarget target{
        .ns = "default",
        .stable_service = "stable",
        .candidate_service = "canary",
        .config = parsed(config).as_object(),
        .release = "shop",
        .router = "istio"};
    target.has_sides = target.config.contains("destinationRule");
    return target;
}

const ObjectKey service_key{&routing_type("VirtualService"), "default", "web"};
const ObjectKey rule_key{&routing_type("DestinationRule"), "default", "web"};

Objects with(const ObjectKey& key, std::string_view spec, Objects others = {}) {
    Object made(*key.type, key.ns, key.name);
    made.put("/spec", parsed(spec));
    others[key] = std::move(made);
    return others;
}

const RoutingApi& api() {
    return *routing_api("istio");
}

Objects written(const RouteTarget& target, const Objects& now, const Split& wanted) {
    auto after = api().write(now, target, wanted);
    REQUIRE_MESSAGE(after, (after ? "" : after.error().message));
    return *std::move(after);
}

Split read(const RouteTarget& target, const Objects& now) {
    const auto seen = api().read(now, target);
    REQUIRE_MESSAGE(seen, (seen ? "" : seen.error().message));
    CHECK(seen->is_settled);
    return seen->written;
}

std::string problem(const RouteTarget& target, const Objects& now) {
    const auto seen = api().read(now, target);
    return seen ? "" : seen.error().message;
}

std::string spec_of(const Objects& all, const ObjectKey& key) {
    return json::print_canonical(*all.at(key).find("/spec"));
}

std::string canonical(std::string_view text) {
    return json::print_canonical(parsed(text));
}

constexpr std::string_view by_host = R"({"hosts": ["shop.example"], "http": [
    {"name": "primary", "timeout": "5s", "route": [
        {"destination": {"host": "stable.default.svc.cluster.local", "port": {"number": 80}},
         "weight": 100},
        {"destination": {"host": "canary"}, "weight": 0}]},
    {"name": "files", "route": [{"destination": {"host": "files"}}]}]})";

constexpr std::string_view rule = R"({"host": "shop", "subsets": [
    {"name": "stable", "labels": {"app": "shop"}, "trafficPolicy": {"tls": {}}},
    {"name": "canary", "labels": {"app": "shop", "rollouts-pod-template-hash": "old"}},
    {"name": "other", "labels": {"app": "other"}}]})";

constexpr std::string_view with_rule = R"({"virtualService": {"name": "web"}, "destinationRule":
    {"name": "web", "canarySubsetName": "canary", "stableSubsetName": "stable"}})";

}  // namespace

TEST_CASE("Istio: weights of the destinations in the route, everything else as it is") {
    for (const char* config :
         {R"({"virtualService": {"name": "web", "routes": ["primary"]}})",
          R"({"virtualService": {"name": "web"}})",
          R"({"virtualServices": [{"name": "web.default"}]})"}) {
        const auto target = target_of(config);
        Objects now = with(service_key, by_host);
        CHECK(read(target, now) == Split{});
        now = written(target, now, {.candidate = 35});
        CHECK(spec_of(now, service_key) == canonical(R"({"hosts": ["shop.example"], "http": [
            {"name": "primary", "timeout": "5s", "route": [
                {"destination": {"host": "stable.default.svc.cluster.local",
                                 "port": {"number": 80}}, "weight": 65},
                {"destination": {"host": "canary"}, "weight": 35}]},
            {"name": "files", "route": [{"destination": {"host": "files"}}]}]})"));
        CHECK(read(target, now) == Split{.candidate = 35});
    }
}

TEST_CASE("Istio: arms of experiments come and go, other destinations keep their weight") {
    const auto target = target_of(R"({"virtualService": {"name": "web"}})");
    Objects now = with(service_key, R"({"tcp": [{"route": [
        {"destination": {"host": "stable"}, "weight": 90},
        {"destination": {"host": "canary"}, "weight": 0},
        {"destination": {"host": "legacy"}, "weight": 10}]}]})");
    const Split wanted{.candidate = 20, .others = {{"arm", 5}}};
    now = written(target, now, wanted);
    CHECK(spec_of(now, service_key) == canonical(R"({"tcp": [{"route": [
            {"destination": {"host": "stable"}, "weight": 65},
            {"destination": {"host": "canary"}, "weight": 20},
            {"destination": {"host": "legacy"}, "weight": 10},
            {"destination": {"host": "arm"}, "weight": 5}]}]})"));
    CHECK(read(target, now) == wanted);
    now = written(target, now, {.candidate = 20});
    CHECK(read(target, now) == Split{.candidate = 20});
    CHECK_FALSE(spec_of(now, service_key).contains("arm"));
    const auto too_much = api().write(now, target, {.candidate = 95});
    REQUIRE_FALSE(too_much);
    CHECK(too_much.error().message.contains("other destinations of a route have 10 of 100"));
}

TEST_CASE("Istio: TLS and TCP routes are told by their port and hosts") {
    const std::string_view spec = R"({
        "tls": [{"match": [{"port": 443, "sniHosts": ["a", "b"]}], "route": [
                    {"destination": {"host": "stable"}}, {"destination": {"host": "canary"}}]},
                {"match": [{"port": 443, "sniHosts": ["c"]}], "route": [
                    {"destination": {"host": "stable"}}, {"destination": {"host": "canary"}}]}],
        "tcp": [{"match": [{"port": 3306}], "route": [
                    {"destination": {"host": "stable"}}, {"destination": {"host": "canary"}}]}]})";
    const auto target = target_of(R"({"virtualService": {"name": "web",
        "tlsRoutes": [{"port": 443, "sniHosts": ["b", "a"]}], "tcpRoutes": [{"port": 3306}]}})");
    const Objects now = written(target, with(service_key, spec), {.candidate = 10});
    const Object& service = now.at(service_key);
    CHECK(service.integer("/spec/tls/0/route/1/weight") == 10);
    CHECK(service.integer("/spec/tls/0/route/0/weight") == 90);
    CHECK(service.find("/spec/tls/1/route/1/weight") == nullptr);
    CHECK(service.integer("/spec/tcp/0/route/1/weight") == 10);
    CHECK(problem(target_of(R"({"virtualService": {"name": "web"}})"), now)
              .contains("has several tls routes with both sides: name those meant"));
    CHECK(problem(
              target_of(R"({"virtualService": {"name": "web", "tcpRoutes": [{"port": 1}]}})"), now)
              .contains("several tls routes"));
}

TEST_CASE("Istio: what is missing is named") {
    const auto target = target_of(R"({"virtualService": {"name": "web", "routes": ["x"]}})");
    CHECK(problem(target, {}).starts_with("VirtualService \"default/web\" not found"));
    CHECK(
        problem(target, with(service_key, by_host)) ==
        "VirtualService \"web\" has no http route \"x\" with both sides");
    CHECK(problem(target_of(R"({"virtualService": {"name": "web"}})"), with(service_key, "{}"))
              .contains("has no route that leads to both sides"));
}

TEST_CASE("Istio: subsets of a DestinationRule are the sides, and only their hash is written") {
    const auto target = target_of(with_rule);
    Objects now = with(service_key, R"({"http": [{"route": [
        {"destination": {"host": "shop", "subset": "stable"}, "weight": 100},
        {"destination": {"host": "shop", "subset": "canary"}, "weight": 0}]}]})");
    CHECK_FALSE(api().sides(now, target));
    now = with(rule_key, rule, std::move(now));
    CHECK(*api().sides(now, target) == SidesSeen{.stable = "", .candidate = "old"});

    now = *api().point_sides(now, target, {.stable = "h1", .candidate = "h2"});
    CHECK(spec_of(now, rule_key) == canonical(R"({"host": "shop", "subsets": [
            {"name": "stable", "labels": {"app": "shop", "rollouts-pod-template-hash": "h1"},
             "trafficPolicy": {"tls": {}}},
            {"name": "canary", "labels": {"app": "shop", "rollouts-pod-template-hash": "h2"}},
            {"name": "other", "labels": {"app": "other"}}]})"));
    CHECK(*api().sides(now, target) == SidesSeen{.stable = "h1", .candidate = "h2"});
    CHECK(now.at(rule_key).annotation("argo-rollouts.argoproj.io/managed-by-rollouts") == "shop");
    now = written(target, now, {.candidate = 25});
    CHECK(now.at(service_key).integer("/spec/http/0/route/1/weight") == 25);
    CHECK(now.at(service_key).integer("/spec/http/0/route/0/weight") == 75);

    const auto none = api().sides(with(rule_key, R"({"subsets": []})"), target);
    REQUIRE_FALSE(none);
    CHECK(none.error().message == "DestinationRule \"web\" has no subset \"stable\"");
}

TEST_CASE("Istio: managed routes come first, in their order, and go") {
    auto target = target_of(R"({"virtualService": {"name": "web", "routes": ["primary"]}})");
    target.managed_routes = {"by-header", "copies"};
    SideRouteShape headers{.name = "by-header", .step = 1};
    headers.matches = {{.headers = {{"x-canary", {TextMatch::Kind::exact, "yes"}}}}};
    SideRouteShape copies{
        .name = "copies", .step = 2, .kind = SideRouteShape::Kind::mirror, .percent = 35};
    copies.matches = {{.method = "GET", .path = TextMatch{TextMatch::Kind::prefix, "/api"}}};
    target.side_routes = {headers, copies};

    const Objects before = written(target, with(service_key, by_host), {.candidate = 10});
    const std::vector<SideRoute> wanted{{"by-header", 1}, {"copies", 2}};
    Objects now = *api().write_side_routes(before, target, wanted);
    const Object& service = now.at(service_key);
    CHECK(json::print_canonical(*service.find("/spec/http/0")) == canonical(R"({"name": "by-header",
            "match": [{"headers": {"x-canary": {"exact": "yes"}}}],
            "route": [{"destination": {"host": "canary"}, "weight": 100}]})"));
    CHECK(service.text("/spec/http/1/name") == "copies");
    CHECK(
        json::print_canonical(*service.find("/spec/http/1/match")) ==
        canonical(R"([{"method": {"exact": "GET"}, "uri": {"prefix": "/api"}}])"));
    CHECK(service.text("/spec/http/1/mirror/host") == "canary");
    CHECK(service.integer("/spec/http/1/mirrorPercentage/value") == 35);
    CHECK(service.integer("/spec/http/1/route/1/weight") == 10);
    CHECK(service.text("/spec/http/2/name") == "primary");
    CHECK(api().read(now, target)->side_routes == wanted);

    // The mirror's destinations split too, and remain what the step says.
    now = written(target, now, {.candidate = 40});
    CHECK(now.at(service_key).integer("/spec/http/1/route/1/weight") == 40);
    CHECK(now.at(service_key).integer("/spec/http/0/route/0/weight") == 100);
    CHECK(api().read(now, target)->side_routes == wanted);

    // Another match is not what the step says.
    Objects changed = now;
    changed.at(service_key).put("/spec/http", parsed(R"([{"name": "by-header", "route": []},
        {"name": "primary", "route": [{"destination": {"host": "stable"}, "weight": 60},
                                      {"destination": {"host": "canary"}, "weight": 40}]}])"));
    CHECK(api().read(changed, target)->side_routes == std::vector<SideRoute>{{"by-header", -1}});

    now = *api().write_side_routes(now, target, {});
    now = written(target, now, {.candidate = 10});
    CHECK(spec_of(now, service_key) == spec_of(before, service_key));
}

}  // namespace serin::traffic
