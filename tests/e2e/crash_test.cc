// Serin's own death at any moment of a release.

#include <doctest/doctest.h>

#include "machine.h"

namespace serin::e2e {

using namespace std::chrono_literals;

namespace {

std::int64_t step_of(const Machine& machine) {
    const json::Value rollout = machine.get("rollout", "shop");
    return json::integer(json::find(rollout, "/status/currentStepIndex")).value_or(-1);
}

std::int64_t weight_of(const Machine& machine) {
    const json::Value rollout = machine.get("rollout", "shop");
    return json::integer(json::find(rollout, "/status/canary/weights/canary/weight")).value_or(-1);
}

// Pauses instead of judgements: each step stands still until a person goes on.
void pause_at_each_step(Machine& machine) {
    for (int i = 0; i < 3; ++i) {
        machine.edit(
            "3-rollout.yaml",
            "        - analysis:\n            templates:\n              - templateName: "
            "shop-health\n",
            "        - pause: {}\n");
    }
}

}  // namespace

TEST_CASE("killed at each step, Serin goes on from the same step and weight and loses nothing") {
    Machine machine;
    pause_at_each_step(machine);
    machine.up();
    REQUIRE(machine.wait_for_phase("Healthy"));
    machine.start_load(150);
    REQUIRE(machine.serin({"set", "image", "shop", "shop=shop:v2"}).code == 0);

    for (const std::int64_t weight : {5, 10, 50}) {
        CAPTURE(weight);
        REQUIRE(wait_until(60s, [&] {
            return weight_of(machine) == weight && machine.phase().starts_with("Paused");
        }));
        const std::int64_t step = step_of(machine);
        machine.kill_serin();
        machine.up();
        CHECK(step_of(machine) == step);
        CHECK(weight_of(machine) == weight);
        CHECK(machine.phase() == "Paused CanaryPauseStep");
        REQUIRE(machine.serin({"promote", "shop"}).code == 0);
    }
    CHECK(machine.wait_for_phase("Healthy"));

    const json::Value report = machine.stop_load("v2");
    INFO(json::print(report));
    CHECK(json::integer(json::find(report, "/requests_lost")) == 0);
    CHECK(json::integer(json::find(report, "/canary_failures")) == 0);
}

TEST_CASE("killed again and again in mid-step, the release still ends where it should") {
    Machine machine;
    machine.up();
    REQUIRE(machine.wait_for_phase("Healthy"));
    machine.start_load(200);
    REQUIRE(machine.serin({"set", "image", "shop", "shop=shop:v3"}).code == 0);
    for (int i = 0; i < 3; ++i) {
        machine.kill_serin();
        machine.up();
    }
    CHECK(machine.serin({"status", "shop", "--timeout", "2m"}).code == 2);
    const json::Value report = machine.stop_load("v3");
    INFO(json::print(report));
    CHECK(json::integer(json::find(report, "/requests_lost")) == 0);
}

}  // namespace serin::e2e
