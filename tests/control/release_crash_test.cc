#include <doctest/doctest.h>

#include "small_world.h"
#include <algorithm>
#include <chrono>
#include <set>

// A crash, a lost answer or a lost event at any point of a release changes nothing about where it
// ends, and shows no weight on the way that an undisturbed release would not show.

using namespace serin;
using namespace serin::control;
using namespace std::chrono_literals;

namespace {

constexpr const char* steps = R"([{"setWeight": 5}, {"pause": {"duration": 10}},
    {"setWeight": 50}, {"analysis": {"templates": [{"templateName": "success-rate"}]}}])";

void finish_runs(SmallWorld& world, const std::string& phase) {
    for (const Object& run : world.runs()) {
        if (run.text("/status/phase").empty()) {
            world.finish_run(std::string(run.name()), phase, "judged");
        }
    }
}

void release(SmallWorld& world, const std::string& verdict) {
    world.set_image("shop:v2");
    world.advance(40s);
    finish_runs(world, verdict);
    world.advance(40s);
    finish_runs(world, verdict);
    world.advance(90s);
}

std::vector<int> without_repeats(std::vector<int> weights) {
    weights.erase(std::unique(weights.begin(), weights.end()), weights.end());
    return weights;
}

// Fails write number `index` (counted from now); what comes after is a new process.
void fail_write(SmallWorld& world, int index, bool took_effect, int& writes) {
    world.store.set_faults(
        {.on_write = [&world, &writes, index, took_effect](
                         const ObjectKey&) -> std::optional<store::WriteFault> {
            if (world.is_own_write || writes++ != index) return std::nullopt;
            return store::WriteFault{{ErrorKind::unavailable, "crash"}, took_effect};
        }});
}

int count_writes(const std::string& verdict) {
    SmallWorld world;
    world.install(steps);
    int writes = 0;
    fail_write(world, -1, false, writes);
    release(world, verdict);
    return writes;
}

}  // namespace

TEST_CASE("any write may fail, with or without effect, and the release ends the same") {
    for (const std::string verdict : {"Successful", "Failed"}) {
        const bool is_good = verdict == "Successful";
        const int total = count_writes(verdict);
        REQUIRE(total > 20);
        for (int index = 0; index < total; ++index) {
            for (const bool took_effect : {false, true}) {
                CAPTURE(verdict);
                CAPTURE(index);
                CAPTURE(took_effect);
                SmallWorld world;
                world.install(steps);
                int writes = 0;
                fail_write(world, index, took_effect, writes);
                release(world, verdict);

                CHECK(world.phase() == (is_good ? "Healthy" : "Degraded"));
                CHECK(world.weight() == 0);
                const auto weights = without_repeats(world.router.written);
                CHECK(
                    weights ==
                    (is_good ? std::vector<int>{5, 50, 100, 0} : std::vector<int>{5, 50, 0}));
                CHECK(world.replicas("shop:v1") == (is_good ? 0 : 10));
                CHECK(world.runs().size() == 1);
            }
        }
    }
}

TEST_CASE("a restart at every step continues from the same step and weight") {
    SmallWorld world;
    world.install(steps);
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
    world.install(steps);
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
    world.install(steps);
    release(world, "Successful");
    const auto entries = *world.evidence.read("rollouts.argoproj.io default/shop");
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
