#include "traffic/http_route.h"

#include <doctest/doctest.h>

#include <map>

namespace serin::traffic {
namespace {

// As much of a store as a router uses: versions, preconditions, generations.
class RouteStore : public ObjectStore {
public:
    Result<Object> get(const ObjectKey& key) const override {
        const auto found = objects_.find(key);
        if (found == objects_.end()) return fail(ErrorKind::not_found, "no such object");
        return found->second;
    }
    Result<Object> create(Object object) override { return objects_[object.key()] = object; }
    Result<Object> update(Object object, Part) override {
        Object& current = objects_[object.key()];
        if (object.resource_version() != current.resource_version()) {
            return fail(ErrorKind::conflict, "changed meanwhile");
        }
        ++writes;
        object.put("/metadata/generation", object.generation() + 1);
        return current = object;
    }
    Result<ObjectList> list(const ListQuery&) const override { return ObjectList{}; }
    Result<Object> patch(const ObjectKey&, PatchKind, const json::Value&, Part) override {
        return fail(ErrorKind::internal, "not used");
    }
    Result<Object> remove(const ObjectKey&, const RemoveOptions&) override {
        return fail(ErrorKind::internal, "not used");
    }
    Result<std::unique_ptr<WatchHandle>> watch(
        const ListQuery&, const std::string&, OnEvent, OnEnd) override {
        return fail(ErrorKind::internal, "not used");
    }

    int writes = 0;

private:
    std::map<ObjectKey, Object> objects_;
};

// An API whose rules have no names, nor mirrors shares: Gateway API before v1.3.
class OldStore : public RouteStore {
public:
    Result<Object> update(Object object, Part part) override {
        for (json::Value& rule : object.document()["spec"].as_object()["rules"].as_array()) {
            rule.as_object().erase("name");
            json::Value* filters = rule.as_object().if_contains("filters");
            if (filters == nullptr) continue;
            for (json::Value& filter : filters->as_array()) {
                json::erase(filter.as_object(), "/requestMirror/percent");
            }
        }
        return RouteStore::update(std::move(object), part);
    }
};

constexpr std::string_view route_text = R"({
  "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
  "metadata": {"name": "shop", "namespace": "default", "generation": 3, "resourceVersion": "7"},
  "spec": {"hostnames": ["shop.example"], "rules": [
    {"matches": [{"path": {"value": "/"}}], "timeouts": {"request": "5s"},
     "backendRefs": [{"name": "stable", "port": 80, "weight": 100},
                     {"name": "canary", "port": 80, "weight": 0},
                     {"name": "other", "port": 80, "weight": 7}]},
    {"matches": [{"path": {"value": "/static"}}],
     "backendRefs": [{"name": "files", "port": 80}]}]}})";

RouteTarget shop(std::string_view config = R"({"httpRoute":"shop"})") {
    return {
        .ns = "default",
        .stable_service = "stable",
        .candidate_service = "canary",
        .config = json::parse(config)->as_object()};
}

Object route() {
    return Object(json::parse(route_text)->as_object());
}

json::Value our_status(std::int64_t generation, std::string_view status, std::string_view split) {
    return json::Object{
        {"parents",
         json::Array{json::Object{
             {"controllerName", "serin.dev/gateway"},
             {"conditions",
              json::Array{json::Object{
                  {"type", "serin.dev/InForce"},
                  {"status", json::string(status)},
                  {"observedGeneration", generation},
                  {"message", json::string(split)}}}}}}}};
}

}  // namespace

TEST_CASE("weights are set in every rule with both services, and nothing else changes") {
    RouteStore store;
    REQUIRE(store.create(route()));
    HttpRouteRouter router(store);
    REQUIRE(router.apply(shop(), {.candidate = 5, .total = 100}));

    const Object written = *store.get(route().key());
    CHECK(written.integer("/spec/rules/0/backendRefs/0/weight") == 95);
    CHECK(written.integer("/spec/rules/0/backendRefs/1/weight") == 5);
    CHECK(written.label("rollouts.argoproj.io/gatewayapi-canary") == "in-progress");
    Object expected = route();
    expected.put("/spec/rules", *written.find("/spec/rules"));
    CHECK(json::same(*written.find("/spec"), *expected.find("/spec")));
    CHECK(written.integer("/spec/rules/0/backendRefs/2/weight") == 7);
    CHECK(written.text("/spec/rules/0/timeouts/request") == "5s");

    REQUIRE(router.apply(shop(), {.candidate = 0, .total = 100}));
    CHECK_FALSE(store.get(route().key())->label("rollouts.argoproj.io/gatewayapi-canary"));
}

TEST_CASE("a target whose router is a program is not taken for a route") {
    RouteStore store;
    HttpRouteRouter router(store);
    RouteTarget target = shop();
    target.plugin = "acme/edge";
    const auto seen = router.observe(target);
    REQUIRE_FALSE(seen);
    CHECK(seen.error().kind == ErrorKind::invalid);
    CHECK(seen.error().message.contains("plugins.acme/edge: programs move no traffic"));
    CHECK_FALSE(router.apply(target, {.candidate = 5}));
}

TEST_CASE("arms of a trial get backendRefs of their own, at the stable service's cost") {
    RouteStore store;
    REQUIRE(store.create(route()));
    HttpRouteRouter router(store);
    const Split split{.candidate = 10, .total = 100, .others = {{"trial-a", 20}}};
    CHECK(router.apply(shop(), split).error().kind == ErrorKind::unavailable);
    Object service(types::service(), "default", "trial-a");
    service.put("/spec/ports", json::Array{json::Object{{"port", 8080}}});
    REQUIRE(store.create(service));
    REQUIRE(router.apply(shop(), split));

    Object written = *store.get(route().key());
    CHECK(written.integer("/spec/rules/0/backendRefs/0/weight") == 70);
    CHECK(written.integer("/spec/rules/0/backendRefs/2/weight") == 7);
    CHECK(written.text("/spec/rules/0/backendRefs/3/name") == "trial-a");
    CHECK(written.integer("/spec/rules/0/backendRefs/3/port") == 8080);
    CHECK(written.integer("/spec/rules/0/backendRefs/3/weight") == 20);
    CHECK(written.find("/spec/rules/1/backendRefs/1") == nullptr);
    CHECK(router.observe(shop())->written == split);

    const std::string_view in_force = R"([{"stable":70,"canary":10,"other":7,"trial-a":20}])";
    written.put("/status", our_status(written.generation(), "True", in_force));
    REQUIRE(store.create(written));
    CHECK(router.observe(shop())->is_settled);
    CHECK(router.observe(shop())->in_force == split);

    // Gone from the route, it may get requests until that is in force.
    REQUIRE(router.apply(shop(), {.candidate = 10, .total = 100}));
    written = *store.get(route().key());
    CHECK(written.find("/spec/rules/0/backendRefs/3") == nullptr);
    CHECK_FALSE(written.annotation("serin.dev/trial-services"));
    CHECK(router.observe(shop())->written.others.empty());
    CHECK(router.observe(shop())->in_force->others.size() == 1);
    CHECK_FALSE(router.observe(shop())->is_settled);
}

TEST_CASE("a split counts as in force when the gateway has read it back") {
    RouteStore store;
    HttpRouteRouter router(store);
    Object object = route();
    object.put("/status", our_status(3, "True", R"([{"stable":100,"canary":0,"other":7},{}])"));
    REQUIRE(store.create(object));
    CHECK(router.observe(shop())->is_settled);
    CHECK(router.observe(shop())->in_force == Split{0, 100});

    SUBCASE("an older generation is not the written one") {
        object.put("/status", our_status(2, "True", R"([{"stable":95,"canary":5},{}])"));
        REQUIRE(store.create(object));
        const SplitSeen seen = *router.observe(shop());
        CHECK_FALSE(seen.is_settled);
        CHECK(seen.in_force == Split{5, 100});
        CHECK(seen.written == Split{0, 100});
    }
    SUBCASE("a data plane that is down has nothing in force") {
        object.put("/status", our_status(3, "False", "HAProxy is being started"));
        REQUIRE(store.create(object));
        CHECK_FALSE(router.observe(shop())->is_settled);
        CHECK_FALSE(router.observe(shop())->in_force);
    }
}

TEST_CASE("another controller's acceptance of the newest version settles a split") {
    RouteStore store;
    HttpRouteRouter router(store);
    Object object = route();
    REQUIRE(store.create(object));
    CHECK(router.observe(shop())->is_settled);  // Nobody reports at all.

    const auto accepted = [](std::int64_t generation) {
        return json::Object{
            {"parents",
             json::Array{json::Object{
                 {"controllerName", "example.com/gateway"},
                 {"conditions",
                  json::Array{json::Object{
                      {"type", "Accepted"},
                      {"status", "True"},
                      {"observedGeneration", generation}}}}}}}};
    };
    object.put("/status", accepted(2));
    REQUIRE(store.create(object));
    CHECK_FALSE(router.observe(shop())->is_settled);
    object.put("/status", accepted(3));
    REQUIRE(store.create(object));
    CHECK(router.observe(shop())->is_settled);
}

TEST_CASE("several routes are settled only together") {
    RouteStore store;
    HttpRouteRouter router(store);
    REQUIRE(store.create(route()));
    Object second = route();
    second.put("/metadata/name", "shop-api");
    second.put("/status", our_status(2, "True", R"([{"stable":90,"canary":10},{}])"));
    REQUIRE(store.create(second));
    const RouteTarget both = shop(R"({"httpRoutes":[{"name":"shop"},{"name":"shop-api"}]})");
    CHECK(router.objects(both)->size() == 2);
    const SplitSeen seen = *router.observe(both);
    CHECK_FALSE(seen.is_settled);
    CHECK(seen.in_force == Split{10, 100});
}

TEST_CASE("side routes come after the rules a person wrote, and go without a trace") {
    RouteStore store;
    HttpRouteRouter router(store);
    REQUIRE(store.create(route()));
    RouteTarget target = shop();
    target.managed_routes = {"insiders"};
    SideRouteShape shape{.name = "insiders", .step = 3};
    shape.matches.emplace_back();
    shape.matches[0].headers["x-group"] = {.value = "insider"};
    target.side_routes.push_back(shape);

    CHECK(router.observe(target)->side_routes.empty());
    REQUIRE(router.apply_side_routes(target, {{"insiders", 3}}));
    CHECK(router.observe(target)->side_routes == std::vector{SideRoute{"insiders", 3}});
    const std::int64_t writes = store.writes;
    REQUIRE(router.apply_side_routes(target, {{"insiders", 3}}));
    CHECK(store.writes == writes);
    // The split is that of the rules with both services; the route's own rule has one.
    REQUIRE(router.apply(target, {.candidate = 5, .total = 100}));
    CHECK(router.observe(target)->written == Split{5, 100});
    CHECK(router.observe(target)->side_routes == std::vector{SideRoute{"insiders", 3}});

    REQUIRE(router.apply(target, {.candidate = 0, .total = 100}));
    REQUIRE(router.apply_side_routes(target, {}));
    CHECK(router.observe(target)->side_routes.empty());
    const Object before = route();
    CHECK(
        json::array(store.get(route().key())->find("/spec/rules"))->size() ==
        json::array(before.find("/spec/rules"))->size());

    SUBCASE("a route in a list takes header routes when it says so") {
        target.config = json::parse(R"({"httpRoutes":[{"name":"shop"}]})")->as_object();
        REQUIRE(router.apply_side_routes(target, {{"insiders", 3}}));
        CHECK(router.observe(target)->side_routes.empty());
        target.config =
            json::parse(R"({"httpRoutes":[{"name":"shop","useHeaderRoutes":true}]})")->as_object();
        REQUIRE(router.apply_side_routes(target, {{"insiders", 3}}));
        CHECK(router.observe(target)->side_routes == std::vector{SideRoute{"insiders", 3}});
    }
}

TEST_CASE("an API that drops the names of rules gets each side route once, and loses it again") {
    OldStore store;
    HttpRouteRouter router(store);
    REQUIRE(store.create(route()));
    RouteTarget target = shop();
    target.managed_routes = {"insiders", "shadow"};
    SideRouteShape headers{.name = "insiders", .step = 1};
    headers.matches.emplace_back();
    headers.matches[0].headers["x-group"] = {.value = "insider"};
    SideRouteShape mirror{.name = "shadow", .step = 2, .kind = SideRouteShape::Kind::mirror};
    mirror.matches.emplace_back();
    mirror.matches[0].method = "GET";
    target.side_routes = {headers, mirror};
    const auto rules = [&] { return *json::array(store.get(route().key())->find("/spec/rules")); };

    const std::vector<SideRoute> both{{"insiders", 1}, {"shadow", 2}};
    REQUIRE(router.apply_side_routes(target, both));
    CHECK(rules().size() == 4);
    CHECK(router.observe(target)->side_routes == both);
    const int writes = store.writes;
    REQUIRE(router.apply_side_routes(target, both));
    CHECK(store.writes == writes);
    REQUIRE(router.apply_side_routes(target, {{"shadow", 2}}));
    CHECK(router.observe(target)->side_routes == std::vector{SideRoute{"shadow", 2}});

    REQUIRE(router.apply_side_routes(target, {}));
    CHECK(router.observe(target)->side_routes.empty());
    const Object former = route();
    CHECK(json::same(rules(), *former.find("/spec/rules")));
    CHECK_FALSE(store.get(route().key())->annotation("serin.dev/managed-rules"));
}

TEST_CASE("a share of a mirror that the API drops is refused, and the route left as it was") {
    OldStore store;
    HttpRouteRouter router(store);
    REQUIRE(store.create(route()));
    RouteTarget target = shop();
    target.managed_routes = {"insiders", "shadow"};
    SideRouteShape headers{.name = "insiders", .step = 0};
    headers.matches.emplace_back();
    headers.matches[0].headers["x-group"] = {.value = "insider"};
    SideRouteShape shape{
        .name = "shadow", .step = 1, .kind = SideRouteShape::Kind::mirror, .percent = 10};
    shape.matches.emplace_back();
    target.side_routes = {headers, shape};
    REQUIRE(router.apply_side_routes(target, {{"insiders", 0}}));
    const std::vector<SideRoute> both{{"insiders", 0}, {"shadow", 1}};
    const auto refused = router.apply_side_routes(target, both);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::invalid);
    CHECK(refused.error().message.contains("no shares of mirrors"));
    CHECK(router.observe(target)->side_routes == std::vector{SideRoute{"insiders", 0}});
    // Not tried again and again.
    const int writes = store.writes;
    CHECK_FALSE(router.apply_side_routes(target, both));
    CHECK(store.writes == writes);

    SUBCASE("until somebody changes the route") {
        REQUIRE(router.apply(target, {.candidate = 5, .total = 100}));
        CHECK_FALSE(router.apply_side_routes(target, both));
        CHECK(store.writes > writes + 1);
    }
    SUBCASE("what is there can be taken away") {
        REQUIRE(router.apply_side_routes(target, {}));
        CHECK(router.observe(target)->side_routes.empty());
    }
}

TEST_CASE("what the router does not understand it refuses") {
    RouteStore store;
    HttpRouteRouter router(store);
    CHECK(router.observe(shop()).error().kind == ErrorKind::not_found);
    REQUIRE(store.create(route()));
    RouteTarget wrong = shop();
    wrong.candidate_service = "missing";
    CHECK(router.apply(wrong, {5, 100}).error().kind == ErrorKind::invalid);
    CHECK(router.objects(shop("{}")).error().kind == ErrorKind::invalid);
    CHECK(router.apply(shop(), {101, 100}).error().kind == ErrorKind::invalid);
    CHECK(store.writes == 0);
}

}  // namespace serin::traffic
