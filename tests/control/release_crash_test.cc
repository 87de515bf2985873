#include <doctest/doctest.h>

#include "judged_release.h"
#include <chrono>
#include <set>
#include <string>
#include <vector>

// A restart at any point of a release changes nothing about where it ends. What a write that fails
// changes is in release_faults_test.cc.

using namespace serin;
using namespace serin::control;
using namespace std::chrono_literals;

TEST_CASE("a restart at every step continues from the same step and weight") {
    SmallWorld world;
    world.install(judged_steps);
    world.set_image("shop:v2");
    for (int i = 0; i < 12; ++i) {
        const auto step = world.rollout().integer("/status/currentStepIndex");
        const int weight = world.weight();
        world.restart();
        CHECK(world.rollout().integer("/status/currentStepIndex") == step);
        CHECK(world.weight() == weight);
        world.advance(1s);
    }
    finish_runs(world, "Successful");
    world.advance(40s);
    CHECK(world.phase() == "Healthy");
    CHECK(without_repeats(world.router.written) == std::vector<int>{5, 50, 100, 0});
}

TEST_CASE("an evidence log that fails stops everything until it is back") {
    SmallWorld world;
    world.install(judged_steps);
    bool is_down = true;
    world.evidence.set_faults([&](const std::string&) -> std::optional<store::WriteFault> {
        if (!is_down) return std::nullopt;
        return store::WriteFault{{ErrorKind::unavailable, "the disk is full"}};
    });
    world.set_image("shop:v2");
    world.advance(60s);
    CHECK(world.group("shop:v2").is_empty());
    is_down = false;
    world.advance(60s);
    CHECK(world.weight() == 50);
}

TEST_CASE("the evidence tells every decision once, in order, from promotion back to the start") {
    SmallWorld world;
    world.install(judged_steps);
    release(world, "Successful");
    const auto entries = *world.evidence.read("rollouts.argoproj.io " + world.ns + "/shop");
    std::set<std::string> ids;
    std::vector<std::string> rules;
    for (const EvidenceEntry& entry : entries) {
        CHECK(ids.insert(entry.id).second);
        const json::Array* causes = json::array(entry.body.if_contains("causes"));
        REQUIRE(causes);
        for (const json::Value& cause : *causes) {
            const std::string rule(json::text(json::find(cause, "/rule")).value_or(""));
            if (rule == "step_completed" || rule == "promoted" || rule == "paused" ||
                rule == "run_started") {
                rules.push_back(rule);
            }
        }
    }
    CHECK(
        rules == std::vector<std::string>{
                     "promoted",
                     "step_completed",
                     "paused",
                     "step_completed",
                     "step_completed",
                     "run_started",
                     "step_completed",
                     "promoted"});
}
