// Other ways than weights in which a candidate meets requests, and what sizes go with them.

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "machine.h"
#include <filesystem>

namespace serin::e2e {

using namespace std::chrono_literals;

namespace {

std::int64_t count(const json::Value& report, std::string_view field) {
    return json::integer(json::find(report, field)).value_or(-1);
}

std::int64_t number(const Machine& machine, std::string_view pointer) {
    const json::Value rollout = machine.get("rollout", "shop");
    return json::integer(json::find(rollout, pointer)).value_or(0);
}

// The version that answers a request; with this header, if any.
std::string version(const Machine& machine, const std::string& header = "X-None: 1") {
    return run({"curl", "-s", "-m", "5", "-H", header, machine.url() + "/version"}).out;
}

// The names of the rules that are the release's, in order.
std::string managed_rules(const Machine& machine) {
    const json::Value route = machine.get("httproute", "shop");
    std::string names;
    const json::Array* rules = json::array(json::find(route, "/spec/rules"));
    if (!rules) return "no rules";
    for (const json::Value& rule : *rules) {
        if (const auto name = json::text(json::find(rule, "/name")))
            names += std::string(*name) + " ";
    }
    return names;
}

// Requests for products that the candidate has answered, copies among them.
bool has_answered_copies(const Machine& machine) {
    const Ran metrics =
        run({"curl", "-s", "-m", "5", "-H", "x-group: insider", machine.url() + "/metrics"});
    return metrics.out.contains("shop_requests_total{version=\"v2\",code=\"200\"}");
}

// Replicas of the revision with this image, as wanted.
std::int64_t size_of(const Machine& machine, const std::string& image) {
    const Ran ran = machine.serin({"get", "replicasets", "-o", "json"});
    const auto list = json::parse(ran.out);
    const json::Array* items = list ? json::array(json::find(*list, "/items")) : nullptr;
    std::int64_t size = 0;
    for (const json::Value& group : items ? *items : json::Array()) {
        const auto used = json::text(json::find(group, "/spec/template/spec/containers/0/image"));
        if (used == image) size += json::integer(json::find(group, "/spec/replicas")).value_or(0);
    }
    return size;
}

// Half of the traffic, until a person goes on.
void stop_at(Machine& machine, const std::string& more) {
    machine.edit(
        "3-rollout.yaml",
        "      steps:\n        - setWeight: 5\n        - analysis:\n            templates:\n"
        "              - templateName: shop-health\n        - setWeight: 10\n"
        "        - analysis:\n            templates:\n              - templateName: shop-health\n"
        "        - setWeight: 50\n        - analysis:\n            templates:\n"
        "              - templateName: shop-health\n",
        more + "      steps:\n        - setWeight: 50\n        - pause: {}\n");
    machine.edit("3-rollout.yaml", "replicas: 3\n", "replicas: 4\n");
}

}  // namespace

TEST_CASE("a header leads to the candidate and copies go there, at their step and no longer") {
    Machine machine;
    std::filesystem::copy_file(
        EXAMPLES_FOLDER "/shop/insiders/3-rollout.yaml",
        machine.manifests() + "/3-rollout.yaml",
        std::filesystem::copy_options::overwrite_existing);
    machine.up();
    REQUIRE(machine.wait_for_phase("Healthy"));
    CHECK(version(machine, "x-group: insider").contains("v1"));
    CHECK(managed_rules(machine).empty());

    machine.start_load(200);
    REQUIRE(machine.serin({"set", "image", "shop", "shop=shop:v2"}).code == 0);
    REQUIRE(machine.wait_for_phase("Paused"));
    CHECK(wait_until(10s, [&] { return version(machine, "x-group: insider").contains("v2"); }));
    CHECK(managed_rules(machine) == "insiders shadow ");
    for (int i = 0; i < 20; ++i) {
        CHECK(version(machine, "x-group: insider").contains("v2"));
        CHECK(version(machine, "x-group: other").contains("v1"));
        CHECK(version(machine).contains("v1"));
    }
    // It has no weight, so what it has answered for products are copies.
    CHECK(wait_until(20s, [&] { return has_answered_copies(machine); }));
    json::Value report = machine.report("v2");
    INFO(json::print(report));
    CHECK(count(report, "/requests_canary") == 0);

    REQUIRE(machine.serin({"abort", "shop"}).code == 0);
    CHECK(machine.wait_for_phase("Degraded"));
    CHECK(wait_until(20s, [&] { return managed_rules(machine).empty(); }));
    CHECK(version(machine, "x-group: insider").contains("v1"));

    REQUIRE(machine.serin({"retry", "shop"}).code == 0);
    REQUIRE(machine.wait_for_phase("Paused"));
    CHECK(wait_until(10s, [&] { return version(machine, "x-group: insider").contains("v2"); }));
    REQUIRE(machine.serin({"promote", "shop"}).code == 0);
    CHECK(machine.serin({"status", "shop", "--timeout", "2m"}).code == 0);
    CHECK(wait_until(20s, [&] { return managed_rules(machine).empty(); }));
    CHECK(version(machine).contains("v2"));
    report = machine.stop_load("v2");
    INFO(json::print(report));
    CHECK(count(report, "/requests_lost") == 0);
    CHECK(count(report, "/canary_failures") == 0);
}

TEST_CASE("a stable side that shrinks as the candidate grows loses no request, there and back") {
    Machine machine;
    machine.edit("3-rollout.yaml", "      scaleDownDelaySeconds: 2\n", "");
    stop_at(machine, "      dynamicStableScale: true\n");
    machine.up();
    REQUIRE(machine.wait_for_phase("Healthy"));
    machine.start_load(200);
    REQUIRE(machine.serin({"set", "image", "shop", "shop=shop:v2"}).code == 0);
    REQUIRE(machine.wait_for_phase("Paused"));
    CHECK(wait_until(
        20s, [&] { return size_of(machine, "shop:v1") == 2 && size_of(machine, "shop:v2") == 2; }));
    REQUIRE(machine.serin({"abort", "shop"}).code == 0);
    CHECK(machine.wait_for_phase("Degraded"));
    CHECK(wait_until(
        30s, [&] { return size_of(machine, "shop:v1") == 4 && size_of(machine, "shop:v2") == 0; }));
    REQUIRE(machine.serin({"retry", "shop"}).code == 0);
    REQUIRE(machine.wait_for_phase("Paused"));
    REQUIRE(machine.serin({"promote", "shop"}).code == 0);
    CHECK(machine.serin({"status", "shop", "--timeout", "2m"}).code == 0);
    CHECK(wait_until(
        30s, [&] { return size_of(machine, "shop:v1") == 0 && size_of(machine, "shop:v2") == 4; }));
    const json::Value report = machine.stop_load("v2");
    INFO(json::print(report));
    CHECK(count(report, "/requests_canary") > 0);
    CHECK(count(report, "/requests_lost") == 0);
    CHECK(count(report, "/canary_failures") == 0);
}

TEST_CASE("services that alternate lose no request, and change roles with each promotion") {
    Machine machine;
    machine.edit(
        "3-rollout.yaml",
        "      stableService: shop-stable\n      canaryService: shop-canary\n",
        "      pingPong:\n        pingService: shop-stable\n        pongService: shop-canary\n");
    stop_at(machine, "");
    machine.edit(
        "3-rollout.yaml",
        "        - pause: {}\n",
        "        - analysis:\n            templates:\n              - templateName: shop-health\n"
        "        - pause: {}\n");
    machine.up();
    REQUIRE(machine.wait_for_phase("Healthy"));
    const auto stable = [&] {
        const json::Value rollout = machine.get("rollout", "shop");
        return std::string(
            json::text(json::find(rollout, "/status/canary/stablePingPong")).value_or(""));
    };
    const std::string first = stable();
    machine.start_load(100);
    for (const std::string image : {"v2", "v1"}) {
        REQUIRE(machine.serin({"set", "image", "shop", "shop=shop:" + image}).code == 0);
        REQUIRE(machine.wait_for_phase("Paused"));
        CHECK(size_of(machine, "shop:" + image) == 2);
        REQUIRE(machine.serin({"promote", "shop"}).code == 0);
        CHECK(machine.serin({"status", "shop", "--timeout", "2m"}).code == 0);
        CHECK((stable() == first) == (image == "v1"));
        CHECK(wait_until(30s, [&] { return size_of(machine, "shop:" + image) == 4; }));
        CHECK(version(machine).contains(image));
    }
    const json::Value report = machine.stop_load("v2");
    INFO(json::print(report));
    CHECK(count(report, "/requests_canary") > 0);
    CHECK(count(report, "/requests_lost") == 0);
    CHECK(count(report, "/canary_failures") == 0);
}

TEST_CASE("kubectl scale sizes a Rollout, also in the middle of a release") {
    if (run({"sh", "-c", "command -v kubectl"}).code != 0) return;
    Machine machine;
    stop_at(machine, "");
    machine.up();
    REQUIRE(machine.wait_for_phase("Healthy"));
    machine.start_load(100);
    const auto scale = [&](int replicas) {
        return run(
            {"kubectl",
             "--server",
             machine.api_url(),
             "scale",
             "rollout",
             "shop",
             fmt::format("--replicas={}", replicas)});
    };
    const Ran grown = scale(6);
    INFO(grown.err);
    CHECK(grown.code == 0);
    CHECK(wait_until(30s, [&] { return number(machine, "/status/availableReplicas") == 6; }));
    REQUIRE(machine.serin({"set", "image", "shop", "shop=shop:v2"}).code == 0);
    REQUIRE(machine.wait_for_phase("Paused"));
    CHECK(size_of(machine, "shop:v2") == 3);
    CHECK(scale(2).code == 0);
    CHECK(wait_until(
        30s, [&] { return size_of(machine, "shop:v1") == 2 && size_of(machine, "shop:v2") == 1; }));
    REQUIRE(machine.serin({"promote", "shop"}).code == 0);
    CHECK(machine.serin({"status", "shop", "--timeout", "2m"}).code == 0);
    CHECK(wait_until(30s, [&] { return number(machine, "/status/replicas") == 2; }));
    const json::Value report = machine.stop_load("v2");
    INFO(json::print(report));
    CHECK(count(report, "/requests_canary") > 0);
    CHECK(count(report, "/requests_lost") == 0);
}

}  // namespace serin::e2e
