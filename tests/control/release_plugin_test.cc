// Steps that plugins carry out.

#include <doctest/doctest.h>

#include "small_world.h"
#include <chrono>
#include <string>

using namespace serin;
using namespace serin::control;
using namespace std::chrono_literals;

namespace {

constexpr const char* steps = R"([{"setWeight": 20},
    {"plugin": {"name": "acme/smoke", "config": {"url": "http://shop"}}}, {"setWeight": 50}])";

// A shop at v1 whose update stands at its plugin step.
struct Shop : SmallWorld {
    explicit Shop(const std::string& entry = "") {
        register_plugin("acme/smoke", entry);
        install(steps);
    }
    void register_plugin(const std::string& name, const std::string& more = "") {
        Object config(types::config_map(), "argo-rollouts", "argo-rollouts-config");
        config.put(
            "/data/stepPlugins",
            json::string("- name: " + name + "\n  location: file:///plugins/smoke\n" + more));
        add(config);
        settle();
    }
    json::Value status(std::size_t index = 0) const {
        const Object shop = rollout();
        const json::Array* all = json::array(shop.find("/status/canary/stepPluginStatuses"));
        return all && index < all->size() ? (*all)[index] : json::Value();
    }
    std::string text(const char* pointer, std::size_t index = 0) const {
        const json::Value one = status(index);
        return std::string(json::text(json::find(one, pointer)).value_or(""));
    }
    int step() const { return static_cast<int>(rollout().integer("/status/currentStepIndex")); }
};

}  // namespace

TEST_CASE("a plugin step ends when the plugin says so, and its memory comes back to it") {
    Shop shop;
    shop.plugins.answers = {
        R"({"phase": "Running", "requeueAfter": "20s", "status": {"id": 7}, "message": "begun"})",
        R"({"phase": "Successful"})"};
    shop.set_image("shop:v2");
    shop.advance(1s);
    CHECK(shop.step() == 1);
    CHECK(shop.text("/phase") == "Running");
    CHECK(shop.text("/operation") == "Run");
    CHECK(shop.text("/message") == "begun");
    CHECK(shop.text("/backoff") == "20s");
    REQUIRE(shop.plugins.asked.size() == 1);
    CHECK(json::text(json::find(shop.plugins.asked[0], "/method")) == "Run");
    CHECK(json::text(json::find(shop.plugins.asked[0], "/config/url")) == "http://shop");
    CHECK(json::text(json::find(shop.plugins.asked[0], "/rollout/name")) == "shop");

    shop.advance(15s);
    CHECK(shop.plugins.asked.size() == 1);
    shop.advance(10s);
    REQUIRE(shop.plugins.asked.size() == 2);
    CHECK(json::integer(json::find(shop.plugins.asked[1], "/status/id")) == 7);
    CHECK(shop.text("/phase") == "Successful");
    shop.advance(60s);
    CHECK(shop.phase() == "Healthy");
    CHECK(shop.plugins.asked.size() == 2);
}

TEST_CASE("a plugin in error is asked again, and the release waits") {
    Shop shop;
    shop.plugins.answers = {"", R"({"phase": "dancing"})", R"({"phase": "Successful"})"};
    shop.set_image("shop:v2");
    shop.advance(1s);
    CHECK(shop.text("/phase") == "Error");
    CHECK(shop.text("/message") == "plugin 'acme/smoke' is ill");
    CHECK(shop.step() == 1);
    shop.advance(31s);
    CHECK(shop.text("/phase") == "Error");
    CHECK(shop.text("/message").contains("without a phase"));
    shop.advance(91s);
    CHECK(shop.phase() == "Healthy");
}

TEST_CASE("a plugin that failed aborts, and is told to undo") {
    Shop shop;
    shop.plugins.answers = {
        R"({"phase": "Failed", "message": "no good", "status": {"id": 7}})",
        R"({"phase": "Successful"})"};
    shop.set_image("shop:v2");
    shop.advance(5s);
    CHECK(shop.phase() == "Degraded");
    CHECK(shop.message().contains("Step Plugin 2 (acme/smoke) failed: no good"));
    CHECK(shop.weight() == 0);
    REQUIRE(shop.plugins.asked.size() == 2);
    CHECK(json::text(json::find(shop.plugins.asked[1], "/method")) == "Abort");
    CHECK(json::integer(json::find(shop.plugins.asked[1], "/status/id")) == 7);
    CHECK(shop.text("/operation", 1) == "Abort");
    CHECK(shop.text("/phase", 1) == "Successful");

    shop.patch_status(R"({"abort": false})");
    shop.advance(5s);
    CHECK(shop.plugins.asked.size() == 3);
    CHECK(json::text(json::find(shop.plugins.asked[2], "/method")) == "Run");
}

TEST_CASE("a person who aborts does not wait for the plugin") {
    Shop shop;
    shop.plugins.answers = {R"({"phase": "Running"})"};
    shop.set_image("shop:v2");
    shop.advance(1s);
    shop.patch_status(R"({"abort": true})");
    shop.advance(1s);
    CHECK(shop.weight() == 0);
    CHECK(json::text(json::find(shop.plugins.asked.back(), "/method")) == "Abort");
    // One that never comes to an end with it is let go.
    shop.advance(5min);
    const auto asked = shop.plugins.asked.size();
    CHECK(shop.text("/phase", 1) == "Failed");
    shop.advance(1h);
    CHECK(shop.plugins.asked.size() == asked);
}

TEST_CASE("a full promotion tells the plugin at work to stop") {
    Shop shop;
    shop.plugins.answers = {R"({"phase": "Running"})", R"({"phase": "Successful"})"};
    shop.set_image("shop:v2");
    shop.advance(1s);
    shop.patch_status(R"({"promoteFull": true})");
    shop.advance(5s);
    CHECK(shop.phase() == "Healthy");
    CHECK(json::text(json::find(shop.plugins.asked.back(), "/method")) == "Terminate");
}

TEST_CASE("a disabled plugin's step is done without asking") {
    Shop shop("  disabled: true\n");
    shop.set_image("shop:v2");
    shop.advance(5s);
    CHECK(shop.phase() == "Healthy");
    CHECK(shop.plugins.asked.empty());
}

TEST_CASE("a plugin that nobody registered makes the Rollout invalid until somebody does") {
    SmallWorld world;
    world.install(steps);
    CHECK(world.phase() == "Degraded");
    CHECK(
        world.message().contains("spec.strategy.canary.steps[1].plugin.name: plugin "
                                 "\"acme/smoke\" is not in ConfigMap argo-rollouts-config"));
    Object config(types::config_map(), world.ns, "argo-rollouts-config");
    config.put("/data/stepPlugins", "[{name: acme/smoke, location: 'file:///plugins/smoke'}]");
    world.add(config);
    world.settle();
    CHECK(world.phase() == "Healthy");
}

TEST_CASE("an answer that a restart of the program lost is asked for again") {
    Shop shop;
    shop.plugins.answers = {R"({"phase": "Successful"})"};
    shop.set_image("shop:v2");
    CHECK(shop.plugins.asked.size() == 1);
    shop.restart();
    shop.advance(60s);
    CHECK(shop.phase() == "Healthy");
    CHECK(shop.plugins.asked.size() == 2);
    CHECK(
        json::integer(json::find(shop.plugins.asked[1], "/execution")) ==
        json::integer(json::find(shop.plugins.asked[0], "/execution")));
}
