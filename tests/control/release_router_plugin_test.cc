// Releases whose traffic a program of somebody else's moves.

#include "ports/plugin_exposure.h"

#include <doctest/doctest.h>

#include "small_world.h"
#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

using namespace serin;
using namespace serin::control;
using namespace std::chrono_literals;

namespace {

// A router that does what it is told, unless told otherwise by the test.
struct Shop : SmallWorld {
    explicit Shop(
        const std::string& steps = R"([{"setWeight": 20}, {"pause": {}}])",
        const std::string& managed = "[]") {
        plugins.answer_to = [this](const json::Object& question) { return answer(question); };
        Object config(types::config_map(), "argo-rollouts", "argo-rollouts-config");
        config.put(
            "/data/trafficRouterPlugins", "[{name: acme/edge, location: 'file:///plugins/edge'}]");
        add(config);
        install(
            steps,
            R"({"spec": {"strategy": {"canary": {"trafficRouting": {"managedRoutes": )" + managed +
                R"(, "plugins": {"argoproj-labs/gatewayAPI": null, "acme/edge": {"zone": "a"}}}}}}})");
        advance(1s);
    }

    std::string answer(const json::Object& question) {
        const std::string method(json::text(question.if_contains("method")).value_or(""));
        if (is_ill) return "";
        if (method == "VerifyWeight") {
            if (is_mute) return R"({"notImplemented": true})";
            const auto wanted = json::integer(question.if_contains("desiredWeight"));
            return wanted == weight ? R"({"verified": true})" : R"({"verified": false})";
        }
        if (method == "SetWeight" && !is_lazy) {
            weight = json::integer(question.if_contains("desiredWeight")).value_or(-1);
        }
        return "{}";
    }
    std::int64_t asked_for(std::string_view method) const {
        return std::ranges::count_if(plugins.asked, [&](const json::Object& question) {
            return json::text(question.if_contains("method")) == method;
        });
    }
    int step() const { return static_cast<int>(rollout().integer("/status/currentStepIndex")); }
    bool has_settled() const {
        const PluginExposure seen = read_exposure(*store.get(exposure_key(ns, "shop")));
        return seen.verified == seen.number;
    }

    std::int64_t weight = -1;  // What the router does; -1: nobody has told it.
    bool is_ill = false;
    bool is_lazy = false;  // Says yes and does nothing.
    bool is_mute = false;  // Cannot tell what it does.
};

}  // namespace

TEST_CASE("a router plugin is told the weights, and they count once it confirms them") {
    Shop shop;
    CHECK(shop.phase() == "Healthy");
    CHECK(shop.weight == 0);
    REQUIRE(!shop.plugins.asked.empty());
    const json::Object& first = shop.plugins.asked.front();
    CHECK(json::text(json::find(first, "/config/zone")) == "a");
    CHECK(json::text(json::find(first, "/canaryService")) == "shop-canary");
    CHECK(json::integer(json::find(first, "/totalWeight")) == 100);

    shop.is_lazy = true;
    shop.set_image("shop:v2");
    shop.advance(60s);
    CHECK(shop.weight == 0);
    CHECK(shop.step() == 0);
    CHECK_FALSE(shop.has_settled());
    // It is told again, not only asked.
    CHECK(shop.asked_for("SetWeight") >= 3);

    shop.is_lazy = false;
    shop.advance(30s);
    CHECK(shop.weight == 20);
    CHECK(shop.step() == 1);
    CHECK(shop.phase() == "Paused");

    shop.patch_status(R"({"pauseConditions": null})");
    shop.advance(60s);
    CHECK(shop.phase() == "Healthy");
    CHECK(shop.weight == 0);
}

TEST_CASE("an abort overtakes a router plugin that is at work") {
    Shop shop;
    shop.set_image("shop:v2");
    shop.advance(5s);
    REQUIRE(shop.weight == 20);
    shop.patch_status(R"({"abort": true})");
    shop.advance(5s);
    CHECK(shop.weight == 0);
    CHECK(shop.phase() == "Degraded");
}

TEST_CASE("a router plugin in error holds the release and is told again") {
    Shop shop;
    shop.is_ill = true;
    shop.set_image("shop:v2");
    shop.advance(30s);
    CHECK(shop.step() == 0);
    const auto reasons = shop.event_reasons();
    CHECK(std::ranges::find(reasons, "TrafficRoutingError") != reasons.end());
    shop.is_ill = false;
    shop.advance(30s);
    CHECK(shop.step() == 1);
}

TEST_CASE("a router plugin that errs for a moment during an abort keeps nobody for long") {
    Shop shop;
    shop.set_image("shop:v2");
    shop.advance(5s);
    REQUIRE(shop.weight == 20);
    // It was ill before, so that it is asked seldom; the abort is told at once all the same.
    shop.is_ill = true;
    shop.advance(200s);
    const auto told = shop.asked_for("SetWeight");
    shop.patch_status(R"({"abort": true})");
    shop.settle();
    CHECK(shop.asked_for("SetWeight") == told + 1);
    shop.advance(2s);
    CHECK(shop.asked_for("SetWeight") == told + 2);
    shop.is_ill = false;
    shop.advance(2s);
    CHECK(shop.weight == 0);
    CHECK(shop.phase() == "Degraded");
}

TEST_CASE("a router plugin that errs for long is not asked all the time") {
    Shop shop;
    shop.is_ill = true;
    shop.set_image("shop:v2");
    shop.settle();
    const auto asked = shop.plugins.asked.size();
    shop.advance(16s);
    CHECK(shop.plugins.asked.size() == asked + 4);  // After 1, 3, 7 and 15 s.
    shop.advance(100s);
    CHECK(shop.plugins.asked.size() == asked + 14);
    // An answer ends that: the next error is followed soon again.
    shop.is_ill = false;
    shop.advance(10s);
    REQUIRE(shop.weight == 20);
}

TEST_CASE("a router that forgets is told anew, also after a restart of Serin") {
    Shop shop;
    shop.set_image("shop:v2");
    shop.advance(5s);
    REQUIRE(shop.weight == 20);
    shop.weight = 100;
    shop.advance(61s);
    CHECK(shop.weight == 20);
    CHECK(shop.has_settled());

    shop.weight = 0;
    shop.restart();
    shop.advance(5s);
    CHECK(shop.weight == 20);
    // What is as it should be is only looked at.
    const auto told = shop.asked_for("SetWeight");
    shop.restart();
    shop.advance(5s);
    CHECK(shop.asked_for("SetWeight") == told);
    CHECK(shop.phase() == "Paused");
}

TEST_CASE("what a router confirmed counts no more under another configuration") {
    Shop shop;
    shop.set_image("shop:v2");
    shop.advance(5s);
    REQUIRE(shop.weight == 20);
    shop.is_ill = true;
    shop.patch(R"({"spec": {"strategy": {"canary": {"trafficRouting":
        {"plugins": {"acme/edge": {"zone": "b"}}}}}}})");
    shop.patch_status(R"({"pauseConditions": null})");
    shop.advance(30s);
    CHECK(shop.phase() == "Progressing");
    CHECK_FALSE(shop.has_settled());
    shop.is_ill = false;
    shop.advance(60s);
    CHECK(shop.phase() == "Healthy");
    CHECK(json::text(json::find(shop.plugins.asked.back(), "/config/zone")) == "b");
}

TEST_CASE("a record of a router plugin that somebody spoilt or removed is made anew") {
    Shop shop;
    shop.set_image("shop:v2");
    shop.advance(5s);
    const ObjectKey record = exposure_key(shop.ns, "shop");
    REQUIRE(shop.store.patch(
        record, PatchKind::merge, *json::parse(R"({"data": {"wanted": "{", "number": "x"}})")));
    shop.weight = 100;
    shop.advance(5s);
    CHECK(shop.weight == 20);
    CHECK(shop.has_settled());
    REQUIRE(shop.store.remove(record));
    shop.weight = 100;
    shop.advance(5s);
    CHECK(shop.weight == 20);
    CHECK(shop.has_settled());
}

TEST_CASE("a ConfigMap of somebody else is left alone by a release with a router plugin") {
    SmallWorld world;
    Object config(types::config_map(), world.ns, "shop-traffic");
    config.put("/data/mine", "yes");
    world.add(config);
    Object plugins(types::config_map(), "argo-rollouts", "argo-rollouts-config");
    plugins.put(
        "/data/trafficRouterPlugins", "[{name: acme/edge, location: 'file:///plugins/edge'}]");
    world.add(plugins);
    world.install(
        R"([{"setWeight": 20}])",
        R"({"spec": {"strategy": {"canary": {"trafficRouting":
            {"plugins": {"argoproj-labs/gatewayAPI": null, "acme/edge": {}}}}}}})");
    world.advance(1s);
    CHECK(world.phase() == "Degraded");
    CHECK(world.message().contains("ConfigMap \"shop-traffic\" is not Serin's"));
    CHECK(world.store.get(config.key())->text("/data/mine") == "yes");
    CHECK_FALSE(world.store.get(config.key())->find("/data/wanted"));
}

TEST_CASE("a release that takes another router forgets what its plugin confirmed") {
    Shop shop;
    REQUIRE(shop.store.get(exposure_key(shop.ns, "shop")));
    shop.patch(R"({"spec": {"strategy": {"canary": {"trafficRouting":
        {"plugins": {"acme/edge": null, "argoproj-labs/gatewayAPI": {"httpRoute": "shop"}}}}}}})");
    shop.advance(5s);
    CHECK_FALSE(shop.store.get(exposure_key(shop.ns, "shop")));
    CHECK(shop.phase() == "Healthy");
}

TEST_CASE("a router that cannot tell what it does is believed") {
    Shop shop;
    shop.is_mute = true;
    shop.set_image("shop:v2");
    shop.advance(5s);
    CHECK(shop.step() == 1);
    CHECK(shop.weight == 20);
}

TEST_CASE("header and mirror routes are the plugin's to make and to end") {
    Shop shop(
        R"([{"setCanaryScale": {"replicas": 1}},
            {"setHeaderRoute": {"name": "insiders", "match": [
                {"headerName": "X-Insider", "headerValue": {"exact": "yes"}}]}},
            {"setMirrorRoute": {"name": "shadow", "percentage": 30,
                "match": [{"method": {"exact": "GET"}, "path": {"prefix": "/api"}}]}},
            {"pause": {}}, {"setHeaderRoute": {"name": "insiders"}}, {"pause": {}}])",
        R"([{"name": "insiders"}, {"name": "shadow"}])");
    shop.set_image("shop:v2");
    shop.advance(30s);
    CHECK(shop.step() == 3);
    REQUIRE(shop.asked_for("SetHeaderRoute") > 0);
    REQUIRE(shop.asked_for("SetMirrorRoute") > 0);
    for (const json::Object& question : shop.plugins.asked) {
        const auto method = json::text(question.if_contains("method"));
        if (method == "SetHeaderRoute") {
            CHECK(json::text(json::find(question, "/route/name")) == "insiders");
            CHECK(json::text(json::find(question, "/route/match/0/headerValue/exact")) == "yes");
        }
        if (method == "SetMirrorRoute") {
            CHECK(json::integer(json::find(question, "/route/percentage")) == 30);
            CHECK(json::text(json::find(question, "/route/match/0/path/prefix")) == "/api");
        }
    }
    const auto last_removal = [&] {
        std::string routes;
        for (const json::Object& question : shop.plugins.asked) {
            if (json::text(question.if_contains("method")) != "RemoveManagedRoutes") continue;
            routes = json::print(*question.if_contains("routes"));
        }
        return routes;
    };
    shop.patch_status(R"({"pauseConditions": null})");
    shop.advance(30s);
    CHECK(shop.step() == 5);
    CHECK(last_removal() == R"(["insiders"])");
    shop.patch_status(R"({"abort": true})");
    shop.advance(30s);
    CHECK(last_removal() == R"(["insiders","shadow"])");
}

TEST_CASE("routes that lead to a service which is no longer the candidate's are not made again") {
    Shop shop(
        R"([{"setCanaryScale": {"replicas": 1}},
            {"setHeaderRoute": {"name": "insiders", "match": [
                {"headerName": "X-Insider", "headerValue": {"exact": "yes"}}]}}, {"pause": {}}])",
        R"([{"name": "insiders"}])");
    shop.set_image("shop:v2");
    shop.advance(30s);
    REQUIRE(shop.step() == 2);
    const ObjectKey record = exposure_key(shop.ns, "shop");
    REQUIRE(read_exposure(*shop.store.get(record)).routes_lead_to == "shop-canary");
    // As after a promotion in which the services swap their roles, while the release gets no
    // further wish written.
    shop.manager = std::make_unique<Manager>(
        shop.loop, shop.store, std::vector<Reconciler*>{shop.router_plugins.get()});
    shop.manager->start();
    Object swapped = *shop.store.get(record);
    PluginExposure wish = read_exposure(swapped);
    wish.routes_lead_to = "shop-stable";
    ++wish.number;
    put_wanted(swapped, wish);
    REQUIRE(shop.store.update(swapped));
    const auto made = shop.asked_for("SetHeaderRoute");
    shop.advance(30s);
    CHECK(shop.asked_for("SetHeaderRoute") == made);
    CHECK(std::ranges::any_of(shop.plugins.asked, [&](const json::Object& question) {
        return json::text(question.if_contains("method")) == "RemoveManagedRoutes" &&
               json::integer(question.if_contains("number")) == wish.number &&
               json::text(json::find(question, "/routes/0")) == "insiders";
    }));

    // The release says anew where they are to lead.
    shop.restart();
    shop.advance(30s);
    CHECK(shop.asked_for("SetHeaderRoute") > made);
    CHECK(read_exposure(*shop.store.get(record)).routes_lead_to == "shop-canary");
    CHECK(shop.has_settled());
}

TEST_CASE("a router plugin that nobody registered makes the Rollout invalid") {
    SmallWorld world;
    world.install(
        R"([{"setWeight": 20}])",
        R"({"spec": {"strategy": {"canary": {"trafficRouting":
            {"plugins": {"argoproj-labs/gatewayAPI": null, "acme/edge": {}}}}}}})");
    world.advance(1s);
    CHECK(world.phase() == "Degraded");
    CHECK(world.message().contains("trafficRouting.plugins: plugin \"acme/edge\" is not in"));
}
