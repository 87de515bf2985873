// The main job, from one end to the other.

#include <doctest/doctest.h>

#include "machine.h"

namespace serin::e2e {

using namespace std::chrono_literals;

namespace {

std::int64_t count(const json::Value& report, std::string_view field) {
    return json::integer(json::find(report, field)).value_or(-1);
}

}  // namespace

TEST_CASE("a healthy version is promoted and a poisoned one taken back, without a human") {
    Machine machine;
    machine.up();
    REQUIRE(machine.wait_for_phase("Healthy"));
    machine.start_load(200);

    REQUIRE(machine.serin({"set", "image", "shop", "shop=shop:v2"}).code == 0);
    CHECK(machine.serin({"status", "shop", "--timeout", "2m"}).code == 0);
    CHECK(machine.phase() == "Healthy ");

    REQUIRE(machine.serin({"set", "image", "shop", "shop=shop:v3"}).code == 0);
    const Ran aborted = machine.serin({"status", "shop", "--timeout", "2m"});
    CHECK(aborted.code == 2);
    CHECK(aborted.out.contains("success-rate"));

    const json::Value poisoned = machine.stop_load("v3");
    INFO(json::print(poisoned));
    CHECK(count(poisoned, "/requests_canary") > 0);
    CHECK(*json::number(json::find(poisoned, "/canary_share")) <= 0.05);
    CHECK(count(poisoned, "/requests_lost") == 0);

    const Ran evidence = machine.serin({"evidence", "show", "shop"});
    CHECK(evidence.code == 0);
    CHECK(evidence.out.contains("success-rate"));
}

TEST_CASE("a slower version is taken back by its latency against stable") {
    Machine machine;
    machine.edit("4-analysis.yaml", "result[0] <= 5", "result[0] <= 1.25");
    machine.up();
    REQUIRE(machine.wait_for_phase("Healthy"));
    machine.start_load(300);
    REQUIRE(machine.serin({"set", "image", "shop", "shop=shop:v3-slow"}).code == 0);
    CHECK(machine.serin({"status", "shop", "--timeout", "2m"}).code == 2);
    CHECK(machine.phase().contains("p95-latency-against-stable"));
    const json::Value slow = machine.stop_load("v3-slow");
    INFO(json::print(slow));
    CHECK(count(slow, "/requests_lost") == 0);
}

}  // namespace serin::e2e
