// Releases whose traffic an ingress controller or a mesh moves, by its objects.

#include "ports/routing_types.h"
#include "traffic/object_router.h"

#include <doctest/doctest.h>

#include "small_world.h"
#include <chrono>
#include <string>

using namespace serin;
using namespace serin::control;
using namespace std::chrono_literals;

namespace {

// The small world with the cluster's routers.
struct Cluster : SmallWorld {
    Cluster() {
        manager.reset();
        ObjectStore& own = ground->controllers();
        controller = std::make_unique<ReleaseController>(loop, own, evidence, all, plugins);
        manager = std::make_unique<Manager>(loop, own, std::vector<Reconciler*>{controller.get()});
        manager->start();
        settle();
    }
    ~Cluster() { manager.reset(); }

    void install_with(const std::string& routing, const std::string& more = "{}") {
        install(
            R"([{"setWeight": 20}, {"pause": {}}])",
            R"({"spec": {"strategy": {"canary": {"trafficRouting": {"plugins": null, )" + routing +
                "}}}}}");
        patch(more);
        settle();
    }
    void add(std::string_view kind, const std::string& name, const std::string& spec) {
        Object made(routing_type(kind), ns, name);
        made.put("/spec", *json::parse(spec));
        SmallWorld::add(made);
    }
    // As a GitOps tool puts back what its repository says.
    void rewrite(std::string_view kind, const std::string& name, const std::string& change) {
        REQUIRE(store.patch(key(routing_type(kind), name), PatchKind::merge, *json::parse(change)));
        settle();
    }
    int step() const { return static_cast<int>(rollout().integer("/status/currentStepIndex")); }

    traffic::ObjectRouter objects{ground->controllers()};
    traffic::Routers all{router, plugin_router, &objects};
};

constexpr const char* ingress = R"({"rules": [{"host": "shop.example", "http": {"paths": [
    {"path": "/", "pathType": "Prefix",
     "backend": {"service": {"name": "shop-stable", "port": {"number": 80}}}}]}}]})";

constexpr const char* weight_pointer =
    "/metadata/annotations/nginx.ingress.kubernetes.io~1canary-weight";

}  // namespace

TEST_CASE("nginx: a release goes its way by the canary's Ingress") {
    Cluster world;
    world.add("Ingress", "web", ingress);
    world.install_with(R"("nginx": {"stableIngress": "web"})");
    CHECK(world.phase() == "Healthy");
    const auto canary = [&] { return world.get(routing_type("Ingress"), "shop-web-canary"); };
    CHECK(canary().text(weight_pointer) == "0");
    CHECK(canary().controller_uid() == world.rollout().uid());

    world.set_image("shop:v2");
    CHECK(world.phase() == "Paused");
    CHECK(world.step() == 1);
    CHECK(canary().text(weight_pointer) == "20");

    SUBCASE("what somebody rewrote is put back") {
        const std::string reset =
            R"({"metadata": {"annotations": {"nginx.ingress.kubernetes.io/canary-weight": "90"}}})";
        world.rewrite("Ingress", "shop-web-canary", reset);
        CHECK(canary().text(weight_pointer) == "20");
        world.rewrite("Ingress", "web", R"({"spec": {"tls": [{"secretName": "new"}]}})");
        CHECK(canary().text("/spec/tls/0/secretName") == "new");
        CHECK(canary().text(weight_pointer) == "20");
        REQUIRE(world.store.remove(canary().key()));
        world.settle();
        CHECK(canary().text(weight_pointer) == "20");
    }
    SUBCASE("an abort takes the weight back") {
        world.patch_status(R"({"abort": true})");
        CHECK(canary().text(weight_pointer) == "0");
        CHECK(world.phase() == "Degraded");
    }
    SUBCASE("a promotion ends at weight 0, with the stable service at the new pods") {
        world.patch_status(R"({"promoteFull": true})");
        CHECK(world.phase() == "Healthy");
        CHECK(canary().text(weight_pointer) == "0");
        CHECK(world.replicas("shop:v2") == 10);
    }
}

TEST_CASE("a router's missing object is told, and the release waits for it") {
    Cluster world;
    world.install_with(R"("nginx": {"stableIngress": "web"})");
    CHECK(world.phase() == "Degraded");
    CHECK(world.message().contains(
        "trafficRouting: Ingress \"" + world.ns +
        "/web\" not found: write it, or install ingresses.networking.k8s.io v1"));
    world.add("Ingress", "web", ingress);
    world.settle();
    CHECK(world.phase() == "Healthy");
}

TEST_CASE("weights that GitOps puts back are corrected, whatever the router") {
    Cluster world;
    SUBCASE("Traefik") {
        world.add(
            "TraefikService",
            "web",
            R"({"weighted": {"services": [{"name": "shop-canary", "weight": 0},
                {"name": "shop-stable", "weight": 100}]}})");
        world.install_with(R"("traefik": {"weightedTraefikServiceName": "web"})");
        world.set_image("shop:v2");
        const auto weight = [&] {
            return world.get(routing_type("TraefikService"), "web")
                .integer("/spec/weighted/services/0/weight");
        };
        CHECK(weight() == 20);
        world.rewrite("TraefikService", "web", R"({"spec": {"weighted": {"services": [
            {"name": "shop-canary", "weight": 0}, {"name": "shop-stable", "weight": 100}]}}})");
        CHECK(weight() == 20);
        world.patch_status(R"({"abort": true})");
        CHECK(weight() == 0);
    }
    SUBCASE("APISIX") {
        const std::string rules = R"([{"name": "web", "backends": [
            {"serviceName": "shop-canary", "servicePort": 80, "weight": 0},
            {"serviceName": "shop-stable", "servicePort": 80, "weight": 100}]}])";
        world.add("ApisixRoute", "web", R"({"http": )" + rules + "}");
        world.install_with(R"("apisix": {"route": {"name": "web"}})");
        world.set_image("shop:v2");
        const auto weight = [&] {
            return world.get(routing_type("ApisixRoute"), "web")
                .integer("/spec/http/0/backends/0/weight");
        };
        CHECK(weight() == 20);
        world.rewrite("ApisixRoute", "web", R"({"spec": {"http": )" + rules + "}}");
        CHECK(weight() == 20);
    }
    SUBCASE("Ambassador") {
        world.add(
            "Mapping",
            "web",
            R"({"hostname": "shop.example", "prefix": "/", "service": "shop-stable:80"})");
        world.install_with(R"("ambassador": {"mappings": ["web"]})");
        world.set_image("shop:v2");
        const auto canary = [&] { return world.get(routing_type("Mapping"), "web-canary"); };
        CHECK(canary().integer("/spec/weight") == 20);
        REQUIRE(world.store.remove(canary().key()));
        world.settle();
        CHECK(canary().integer("/spec/weight") == 20);
        world.patch_status(R"({"abort": true})");
        CHECK_FALSE(world.store.get(world.key(routing_type("Mapping"), "web-canary")));
    }
    SUBCASE("SMI") {
        world.install_with(R"("smi": {})");
        world.set_image("shop:v2");
        const auto weight = [&] {
            return world.get(routing_type("TrafficSplit"), "shop")
                .integer("/spec/backends/0/weight");
        };
        CHECK(weight() == 20);
        world.rewrite("TrafficSplit", "shop", R"({"spec": {"backends": []}})");
        CHECK(weight() == 20);
    }
    SUBCASE("ALB") {
        world.add("Ingress", "web", ingress);
        world.install_with(R"("alb": {"ingress": "web", "servicePort": 80})");
        world.set_image("shop:v2");
        const std::string action = "alb.ingress.kubernetes.io/actions.shop-stable";
        const auto has_weight = [&] {
            const Object now = world.get(routing_type("Ingress"), "web");
            return now.annotation(action).value_or("").contains(
                R"({"ServiceName":"shop-canary","ServicePort":"80","Weight":20})");
        };
        CHECK(has_weight());
        world.rewrite(
            "Ingress", "web", R"({"metadata": {"annotations": {")" + action + R"(": null}}})");
        CHECK(has_weight());
    }
    CHECK(world.phase() != "Healthy");
}

TEST_CASE("Istio: subsets of a DestinationRule carry a release without Services") {
    Cluster world;
    world.add("VirtualService", "web", R"({"http": [{"route": [
        {"destination": {"host": "shop", "subset": "stable"}, "weight": 100},
        {"destination": {"host": "shop", "subset": "canary"}, "weight": 0}]}]})");
    const std::string rule = R"({"host": "shop", "subsets": [
        {"name": "stable", "labels": {"app": "shop"}},
        {"name": "canary", "labels": {"app": "shop"}}]})";
    world.add("DestinationRule", "web", rule);
    world.install_with(
        R"("istio": {"virtualService": {"name": "web"}, "destinationRule": {"name": "web",
            "canarySubsetName": "canary", "stableSubsetName": "stable"}})",
        R"({"spec": {"strategy": {"canary": {"stableService": null, "canaryService": null}}}})");
    CHECK(world.phase() == "Healthy");

    const auto hash = [&](int subset) {
        return std::string(world.get(routing_type("DestinationRule"), "web")
                               .text(
                                   "/spec/subsets/" + std::to_string(subset) +
                                   "/labels/rollouts-pod-template-hash"));
    };
    const auto weight = [&] {
        return world.get(routing_type("VirtualService"), "web")
            .integer("/spec/http/0/route/1/weight");
    };
    const auto revision = [&](const std::string& image) {
        return std::string(world.group(image).label("rollouts-pod-template-hash").value_or(""));
    };
    CHECK(hash(0) == revision("shop:v1"));

    world.set_image("shop:v2");
    CHECK(world.phase() == "Paused");
    CHECK(weight() == 20);
    CHECK(hash(0) == revision("shop:v1"));
    CHECK(hash(1) == revision("shop:v2"));

    SUBCASE("what GitOps puts back is corrected") {
        world.rewrite("VirtualService", "web", R"({"spec": {"http": [{"route": [
            {"destination": {"host": "shop", "subset": "stable"}, "weight": 50},
            {"destination": {"host": "shop", "subset": "canary"}, "weight": 50}]}]}})");
        CHECK(weight() == 20);
        world.rewrite("DestinationRule", "web", R"({"spec": )" + rule + "}");
        CHECK(hash(0) == revision("shop:v1"));
        CHECK(hash(1) == revision("shop:v2"));
        CHECK(weight() == 20);
    }
    SUBCASE("an abort takes the weight back") {
        world.patch_status(R"({"abort": true})");
        CHECK(weight() == 0);
        CHECK(hash(0) == revision("shop:v1"));
    }
    SUBCASE("a promotion ends with both subsets at the new version") {
        world.patch_status(R"({"promoteFull": true})");
        CHECK(world.phase() == "Healthy");
        CHECK(weight() == 0);
        CHECK(hash(0) == revision("shop:v2"));
    }
}

TEST_CASE("Istio: a managed route is there in its steps and gone at the end") {
    Cluster world;
    world.add("VirtualService", "web", R"({"http": [{"name": "primary", "route": [
        {"destination": {"host": "shop-stable"}, "weight": 100},
        {"destination": {"host": "shop-canary"}, "weight": 0}]}]})");
    world.install_with(
        R"("istio": {"virtualService": {"name": "web"}}, "managedRoutes": [{"name": "testers"}])",
        R"({"spec": {"strategy": {"canary": {"steps": [{"setCanaryScale": {"replicas": 1}},
            {"setHeaderRoute": {"name": "testers", "match": [{"headerName": "x-tester",
                "headerValue": {"exact": "yes"}}]}}, {"pause": {}}]}}}})");
    world.set_image("shop:v2");
    CHECK(world.phase() == "Paused");
    const auto first = [&](const std::string& field) {
        return std::string(
            world.get(routing_type("VirtualService"), "web").text("/spec/http/0/" + field));
    };
    CHECK(first("name") == "testers");
    CHECK(first("route/0/destination/host") == "shop-canary");
    // A route of the same name that says something else is not left.
    world.rewrite("VirtualService", "web", R"({"spec": {"http": [{"name": "primary", "route": [
        {"destination": {"host": "shop-stable"}, "weight": 100},
        {"destination": {"host": "shop-canary"}, "weight": 0}]}]}})");
    CHECK(first("name") == "testers");
    world.patch_status(R"({"promoteFull": true})");
    CHECK(world.phase() == "Healthy");
    CHECK(first("name") == "primary");
}
