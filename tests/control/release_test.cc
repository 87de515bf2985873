#include "evidence/timeline.h"

#include <doctest/doctest.h>

#include "small_world.h"
#include <algorithm>
#include <chrono>

using namespace serin;
using namespace serin::control;
using namespace std::chrono_literals;

namespace {

constexpr const char* ladder = R"([{"setWeight": 5}, {"pause": {"duration": 10}},
    {"setWeight": 50}, {"pause": {"duration": 10}}])";
constexpr const char* gated = R"([{"setWeight": 20}, {"pause": {}}, {"setWeight": 50}])";

std::string hash_in(const SmallWorld& world, const char* service) {
    return std::string(
        world.get(types::service(), service).text("/spec/selector/rollouts-pod-template-hash"));
}

std::string hash_of(const SmallWorld& world, const std::string& image) {
    return std::string(world.group(image).label("rollouts-pod-template-hash").value_or(""));
}

// The canary of a shop at v1 stands at its first pause.
void begin_update(SmallWorld& world, const char* steps) {
    world.install(steps);
    REQUIRE(world.phase() == "Healthy");
    world.set_image("shop:v2");
    REQUIRE(world.message() == "CanaryPauseStep");
}

}  // namespace

TEST_CASE("the first revision runs no steps and both services lead to it") {
    SmallWorld world;
    world.install(ladder);

    CHECK(world.phase() == "Healthy");
    CHECK(world.replicas("shop:v1") == 10);
    CHECK(world.rollout().integer("/status/currentStepIndex") == 4);
    CHECK(hash_in(world, "shop-stable") == hash_of(world, "shop:v1"));
    CHECK(hash_in(world, "shop-canary") == hash_of(world, "shop:v1"));
    CHECK(world.weight() == 0);
}

TEST_CASE("a healthy canary climbs its ladder and is promoted with nobody's help") {
    SmallWorld world;
    begin_update(world, ladder);
    CHECK(world.weight() == 5);
    CHECK(world.replicas("shop:v2") == 1);
    CHECK(world.replicas("shop:v1") == 10);

    world.advance(11s);
    CHECK(world.weight() == 50);
    CHECK(world.replicas("shop:v2") == 5);

    world.advance(11s);
    CHECK(world.phase() == "Healthy");
    CHECK(world.weight() == 0);
    CHECK(world.replicas("shop:v2") == 10);
    CHECK(world.router.written == std::vector<int>{5, 50, 100, 0});
    CHECK(hash_in(world, "shop-stable") == hash_of(world, "shop:v2"));
    CHECK(world.replicas("shop:v1") == 10);  // For a quick way back.

    world.advance(31s);
    CHECK(world.replicas("shop:v1") == 0);
    CHECK(world.rollout().text("/status/stableRS") == hash_of(world, "shop:v2"));
}

TEST_CASE("nothing is written at rest") {
    SmallWorld world;
    begin_update(world, gated);
    const std::string version(world.rollout().resource_version());
    const auto entries = world.evidence.read("")->size();

    world.advance(1h);
    world.restart();

    CHECK(world.rollout().resource_version() == version);
    CHECK(world.evidence.read("")->size() == entries);
}

TEST_CASE("a person aborts: traffic is back, the candidate goes after a while, retry starts anew") {
    SmallWorld world;
    begin_update(world, gated);
    world.patch_status(R"({"abort": true})");

    CHECK(world.phase() == "Degraded");
    CHECK(world.message() == "RolloutAborted: Rollout aborted update to revision 2");
    CHECK(world.weight() == 0);
    CHECK(hash_in(world, "shop-canary") == hash_of(world, "shop:v1"));
    CHECK(world.replicas("shop:v2") == 2);
    world.advance(31s);
    CHECK(world.replicas("shop:v2") == 0);

    world.patch_status(R"({"abort": false})");
    CHECK(world.message() == "CanaryPauseStep");
    CHECK(world.weight() == 20);
    CHECK(world.replicas("shop:v2") == 2);
}

TEST_CASE("promote lifts an indefinite pause, and nothing else does") {
    SmallWorld world;
    begin_update(world, gated);
    world.advance(24h);
    CHECK(world.message() == "CanaryPauseStep");

    world.patch_status(R"({"pauseConditions": null})");
    world.advance(1s);
    CHECK(world.phase() == "Healthy");
}

TEST_CASE("promote --full goes past all steps, with replicas before traffic") {
    SmallWorld world;
    begin_update(world, gated);
    world.patch_status(R"({"promoteFull": true})");

    CHECK(world.phase() == "Healthy");
    CHECK(world.router.written == std::vector<int>{20, 100, 0});
}

TEST_CASE("going back to the stable template in mid-release skips all steps") {
    SmallWorld world;
    begin_update(world, gated);
    world.set_image("shop:v1");

    CHECK(world.phase() == "Healthy");
    CHECK(world.weight() == 0);
    world.advance(31s);
    CHECK(world.replicas("shop:v2") == 0);
    CHECK(world.rollout().annotation("rollout.argoproj.io/revision") == "3");
}

TEST_CASE("another template in mid-release starts from the first step, without traffic at first") {
    SmallWorld world;
    begin_update(world, gated);
    world.set_image("shop:v3");

    CHECK(world.message() == "CanaryPauseStep");
    CHECK(world.router.written == std::vector<int>{20, 0, 20});
    CHECK(hash_in(world, "shop-canary") == hash_of(world, "shop:v3"));
    world.advance(31s);
    CHECK(world.replicas("shop:v2") == 0);
}

TEST_CASE("a failed analysis takes the candidate back and the evidence has its numbers") {
    SmallWorld world;
    world.install(R"([{"setWeight": 5}, {"analysis": {"templates": [{"templateName":
        "success-rate"}]}}])");
    world.set_image("shop:v2");
    REQUIRE(world.runs().size() == 1);
    const Object run = world.runs().front();
    CHECK(run.name() == "shop-" + hash_of(world, "shop:v2") + "-2-1");
    CHECK(run.label("rollout-type") == "Step");

    world.finish_run(std::string(run.name()), "Failed", "metric \"rate\" failed");

    CHECK(world.phase() == "Degraded");
    CHECK(
        world.message() ==
        "RolloutAborted: Rollout aborted update to revision 2: Step-based analysis phase "
        "error/failed: metric \"rate\" failed");
    CHECK(world.weight() == 0);
    const std::string page = evidence::render_timeline(*world.evidence.read(""));
    CHECK_MESSAGE(
        page.contains("rate 0.80, wanted result >= 0.95: Failed "
                      "(1 of 1 measurements failed, 0 allowed)"),
        page);
}

TEST_CASE("the evidence of an abort says where the candidate is worse") {
    SmallWorld world;
    world.install(R"([{"setWeight": 5}, {"analysis": {"templates": [{"templateName":
        "success-rate"}]}}])");
    world.set_image("shop:v2");
    REQUIRE(world.runs().size() == 1);
    Object run = world.runs().front();
    // As a judge of requests leaves it.
    const json::Object where{
        {"slices", json::Array{json::Object{{"dimension", "route"}, {"value", "/items/{id}"}}}},
        {"text", "Worse is route /items/{id}: 52 % of the canary's 23 requests failed"}};
    run.put("/status/phase", "Failed");
    run.put(
        "/status/metricResults",
        json::Array{json::Object{
            {"name", "rate"},
            {"phase", "Failed"},
            {"failed", 1},
            {"measurements",
             json::Array{json::Object{
                 {"value", "fail"},
                 {"phase", "Failed"},
                 {"metadata", json::Object{{"slices", json::print(where)}}}}}}}});
    world.is_own_write = true;
    REQUIRE(world.store.update(run, Part::status));
    world.is_own_write = false;
    world.settle();

    REQUIRE(world.phase() == "Degraded");
    const auto entries = *world.evidence.read("");
    const auto is_of_abort = [](const EvidenceEntry& entry) {
        return json::find(entry.body, "/numbers/0/where/slices/0") != nullptr;
    };
    const auto abort = std::ranges::find_if(entries, is_of_abort);
    REQUIRE(abort != entries.end());
    CHECK(json::text(json::find(abort->body, "/numbers/0/where/slices/0/value")) == "/items/{id}");
    CHECK(evidence::render_timeline(entries).contains(
        "        Worse is route /items/{id}: 52 % of the canary's 23 requests failed\n"));
}

TEST_CASE("a successful analysis lets the release go on") {
    SmallWorld world;
    world.install(R"([{"setWeight": 5}, {"analysis": {"templates": [{"templateName":
        "success-rate"}]}}])");
    world.set_image("shop:v2");
    world.advance(1h);
    CHECK(world.weight() == 5);

    world.finish_run(std::string(world.runs().front().name()), "Successful", "");
    CHECK(world.phase() == "Healthy");
}

TEST_CASE("an inconclusive analysis holds until a person decides") {
    SmallWorld world;
    world.install(R"([{"setWeight": 5}, {"analysis": {"templates": [{"templateName":
        "success-rate"}]}}, {"setWeight": 50}, {"pause": {}}])");
    world.set_image("shop:v2");
    world.finish_run(std::string(world.runs().front().name()), "Inconclusive", "no data");
    CHECK(world.phase() == "Paused");
    CHECK(world.message() == "InconclusiveAnalysisRun");
    CHECK(world.weight() == 5);

    // What `promote` writes for an inconclusive step.
    world.patch_status(R"({"pauseConditions": null, "controllerPause": false,
        "currentStepIndex": 2})");
    CHECK(world.message() == "CanaryPauseStep");
    CHECK(world.weight() == 50);
}

TEST_CASE("a background analysis begins at its step and aborts at any later one") {
    SmallWorld world;
    world.install(
        R"([{"setWeight": 5}, {"pause": {"duration": 10}}, {"setWeight": 50}, {"pause": {}}])",
        R"({"spec": {"strategy": {"canary": {"analysis": {"startingStep": 2,
            "templates": [{"templateName": "success-rate"}]}}}}})");
    CHECK(world.runs().empty());
    world.set_image("shop:v2");
    CHECK(world.runs().empty());
    world.advance(11s);
    REQUIRE(world.runs().size() == 1);
    CHECK(world.runs().front().label("rollout-type") == "Background");

    world.finish_run(std::string(world.runs().front().name()), "Error", "no such server");
    CHECK(world.phase() == "Degraded");
    CHECK(world.weight() == 0);
    CHECK(world.message().ends_with("Background analysis phase error/failed: no such server"));
}

TEST_CASE("a candidate that never becomes available gets no traffic and is marked in time") {
    SmallWorld world;
    world.install(gated);
    world.kubelet.broken_image = "shop:v2";
    world.set_image("shop:v2");
    world.advance(601s);
    CHECK(world.weight() == 0);
    CHECK(world.router.written.empty());
    world.advance(5s);
    CHECK(world.phase() == "Degraded");
    CHECK(world.message().starts_with("ProgressDeadlineExceeded: "));
    CHECK(hash_in(world, "shop-stable") == hash_of(world, "shop:v1"));
}

TEST_CASE("a data plane that does not confirm holds the step, and the status says so") {
    SmallWorld world;
    world.install(gated);
    world.data_plane.confirms = false;
    world.set_image("shop:v2");
    CHECK(world.weight() == 20);
    CHECK(world.rollout().integer("/status/currentStepIndex") == 0);
    CHECK(
        world.rollout().text("/status/serin/waitingFor") == "the data plane to confirm weight 20");
    CHECK_FALSE(world.rollout().boolean("/status/canary/weights/verified", true));

    SUBCASE("after an abort the candidate keeps its replicas until traffic is seen gone") {
        world.patch_status(R"({"abort": true})");
        world.advance(1h);
        CHECK(world.weight() == 0);
        CHECK(world.replicas("shop:v2") == 2);
        world.data_plane.confirms = true;
        world.restart();
        world.advance(31s);
        CHECK(world.replicas("shop:v2") == 0);
    }
    SUBCASE("once confirmed it goes on") {
        world.data_plane.confirms = true;
        world.restart();
        CHECK(world.message() == "CanaryPauseStep");
    }
}

TEST_CASE("a paused Rollout stays where it is") {
    SmallWorld world;
    world.install(ladder);
    world.patch(R"({"spec": {"paused": true}})");
    world.set_image("shop:v2");
    world.advance(1h);
    CHECK(world.phase() == "Paused");
    CHECK(world.message() == "manually paused");
    CHECK(world.weight() == 0);
    CHECK(world.replicas("shop:v2") == 0);

    world.patch(R"({"spec": {"paused": false}})");
    world.advance(1s);
    CHECK(world.message() == "CanaryPauseStep");
}

TEST_CASE("what cannot be followed is refused, and nothing is touched") {
    SmallWorld world;
    world.install(R"([{"setHeaderRoute": {"name": "testers"}}])");
    CHECK(world.phase() == "Degraded");
    CHECK(world.message().starts_with("InvalidSpec: The Rollout \"shop\" is invalid: "));
    CHECK(world.message().contains(
        "steps[0].setHeaderRoute.name: \"testers\" is not in trafficRouting.managedRoutes"));
    CHECK(world.group("shop:v1").is_empty());
}

TEST_CASE("a service that is missing is named, and its arrival heals the release") {
    SmallWorld world;
    world.install(ladder);
    REQUIRE(world.store.remove(world.key(types::service(), "shop-canary")));
    world.set_image("shop:v2");
    CHECK(world.message().contains("service \"shop-canary\" not found"));
    Object service(types::service(), world.ns, "shop-canary");
    service.put("/spec/selector/app", "shop");
    service.put("/spec/ports", json::Array{json::Object{{"port", 80}}});
    world.add(service);
    world.advance(1s);
    CHECK(world.message() == "CanaryPauseStep");
    CHECK(world.weight() == 5);
}

TEST_CASE("without a router the share of replicas is the share of traffic") {
    SmallWorld world;
    world.install(gated, R"({"spec": {"strategy": {"canary": {"trafficRouting": null}}}})");
    world.set_image("shop:v2");
    CHECK(world.message() == "CanaryPauseStep");
    CHECK(world.replicas("shop:v2") == 2);
    CHECK(world.replicas("shop:v1") == 8);
    CHECK(world.rollout().find("/status/canary/weights") == nullptr);

    world.patch_status(R"({"pauseConditions": null})");
    CHECK(world.phase() == "Healthy");
    CHECK(world.replicas("shop:v1") == 0);
    CHECK(world.replicas("shop:v2") == 10);
}

TEST_CASE("replicas wanted may change at any time") {
    SmallWorld world;
    begin_update(world, gated);
    world.patch(R"({"spec": {"replicas": 20}})");
    world.settle();
    CHECK(world.replicas("shop:v1") == 20);
    CHECK(world.replicas("shop:v2") == 4);
    CHECK(world.weight() == 20);
    world.patch(R"({"spec": {"replicas": 5}})");
    world.settle();
    CHECK(world.replicas("shop:v1") == 5);
    CHECK(world.replicas("shop:v2") == 1);
    CHECK(world.weight() == 20);

    world.patch_status(R"({"promoteFull": true})");
    CHECK(world.replicas("shop:v2") == 5);
    CHECK(world.phase() == "Healthy");
}

TEST_CASE("a service that somebody reset leads to its revision again") {
    SmallWorld world;
    begin_update(world, gated);
    REQUIRE(world.store.patch(
        world.key(types::service(), "shop-stable"),
        PatchKind::json,
        *json::parse(R"([{"op": "remove",
                          "path": "/spec/selector/rollouts-pod-template-hash"}])")));
    world.settle();
    CHECK(hash_in(world, "shop-stable") == hash_of(world, "shop:v1"));
}

TEST_CASE("a route that somebody rewrote gets its weights again") {
    SmallWorld world;
    begin_update(world, gated);
    for (const int weight : {0, 90}) {
        REQUIRE(world.store.patch(
            world.key(types::http_route(), "shop"),
            PatchKind::merge,
            json::Object{{"spec", json::Object{{"weight", weight}}}}));
        world.settle();
        CHECK(world.weight() == 20);
    }
}

TEST_CASE("another ladder in mid-release starts at its first step") {
    SmallWorld world;
    begin_update(world, gated);
    world.patch(R"({"spec": {"strategy": {"canary": {"steps": [{"setWeight": 10},
        {"pause": {}}]}}}})");
    world.settle();
    CHECK(world.weight() == 10);
    CHECK(world.replicas("shop:v2") == 1);
    CHECK(world.rollout().integer("/status/currentStepIndex") == 1);
    CHECK(world.router.written == std::vector<int>{20, 10});
}

TEST_CASE("a retry after a failed analysis judges anew") {
    SmallWorld world;
    world.install(R"([{"setWeight": 5}, {"analysis": {"templates": [{"templateName":
        "success-rate"}]}}])");
    world.set_image("shop:v2");
    const std::string first(world.runs().front().name());
    world.finish_run(first, "Failed", "");
    world.patch_status(R"({"abort": false})");
    CHECK(world.weight() == 5);
    REQUIRE(world.runs().size() == 2);
    world.finish_run(first + ".1", "Successful", "");
    CHECK(world.phase() == "Healthy");
}

TEST_CASE("an abort ends the runs under way") {
    SmallWorld world;
    world.install(R"([{"setWeight": 5}, {"analysis": {"templates": [{"templateName":
        "success-rate"}]}}])");
    world.set_image("shop:v2");
    world.patch_status(R"({"abort": true})");
    CHECK(world.runs().front().boolean("/spec/terminate"));
}

TEST_CASE("replica sets that another controller left are adopted by their templates") {
    SmallWorld world;
    world.install(gated);
    const std::string renamed = "shop-76f8b9";
    Object group = world.group("shop:v1");
    REQUIRE(world.store.remove(group.key()));
    group.put("/metadata/name", json::string(renamed));
    for (const char* pointer :
         {"/metadata/labels", "/spec/template/metadata/labels", "/spec/selector/matchLabels"}) {
        group.put(std::string(pointer) + "/rollouts-pod-template-hash", "76f8b9");
    }
    group.erase("/metadata/uid");
    group.erase("/metadata/resourceVersion");
    world.add(group);
    world.patch_status(R"({"stableRS": "76f8b9", "currentPodHash": "76f8b9"})");
    world.advance(60s);
    CHECK(world.phase() == "Healthy");
    CHECK(world.rollout().text("/status/stableRS") == "76f8b9");
    CHECK(hash_in(world, "shop-stable") == "76f8b9");
}

TEST_CASE("old revisions beyond the limit are removed, never one that has replicas") {
    SmallWorld world;
    world.install("[]", R"({"spec": {"revisionHistoryLimit": 1}})");
    for (const char* image : {"shop:v2", "shop:v3", "shop:v4"}) {
        world.set_image(image);
        world.advance(40s);
        REQUIRE(world.phase() == "Healthy");
    }
    CHECK(world.group("shop:v1").is_empty());
    CHECK(world.group("shop:v2").is_empty());
    CHECK_FALSE(world.group("shop:v3").is_empty());
    CHECK(world.replicas("shop:v4") == 10);
}

TEST_CASE("a revision that a release went back to is not the oldest any more") {
    SmallWorld world;
    world.install("[]", R"({"spec": {"revisionHistoryLimit": 1}})");
    for (const char* image : {"shop:v2", "shop:v1", "shop:v3"}) {
        world.set_image(image);
        world.advance(40s);
        REQUIRE(world.phase() == "Healthy");
    }
    CHECK(world.group("shop:v2").is_empty());
    CHECK_FALSE(world.group("shop:v1").is_empty());
}

TEST_CASE("events tell a release in the words that clients know") {
    SmallWorld world;
    begin_update(world, ladder);
    world.advance(60s);
    const auto reasons = world.event_reasons();
    for (const char* reason :
         {"RolloutUpdated",
          "NewReplicaSetCreated",
          "RolloutNotCompleted",
          "ScalingReplicaSet",
          "RolloutStepCompleted",
          "RolloutPaused",
          "RolloutResumed",
          "RolloutCompleted",
          "SwitchService",
          "TrafficWeightUpdated"}) {
        CHECK_MESSAGE(std::ranges::count(reasons, reason) > 0, reason);
    }
}

TEST_CASE("a manifest that cannot be followed still lets a person abort") {
    SmallWorld world;
    begin_update(world, gated);
    world.patch(R"({"spec": {"strategy": {"canary": {"steps": [{"setWeight": 80},
        {"setHeaderRoute": {"name": "testers"}}]}}}})");
    world.settle();
    CHECK(world.message().contains("steps[1].setHeaderRoute.name: \"testers\" is not in"));
    CHECK(world.weight() == 20);  // What serves goes on serving.
    CHECK(world.replicas("shop:v2") == 2);

    world.patch_status(R"({"abort": true})");
    CHECK(world.weight() == 0);
    CHECK(hash_in(world, "shop-canary") == hash_of(world, "shop:v1"));
    world.advance(31s);
    CHECK(world.replicas("shop:v2") == 0);
    CHECK(world.replicas("shop:v1") == 10);

    world.patch_status(R"({"abort": false})");
    CHECK(world.weight() == 0);  // Nothing goes forward.
}

TEST_CASE("a judge aborts although the manifest has become one that cannot be followed") {
    SmallWorld world;
    world.install(R"([{"setWeight": 5}, {"analysis": {"templates": [{"templateName":
        "success-rate"}]}}])");
    world.set_image("shop:v2");
    REQUIRE(world.runs().size() == 1);
    REQUIRE(world.store.remove(world.key(types::analysis_template(), "success-rate")));
    world.settle();
    CHECK(world.weight() == 5);
    world.finish_run(std::string(world.runs().front().name()), "Failed", "metric failed");
    CHECK(world.weight() == 0);
}

TEST_CASE("other steps are not judged by a run of the former ones") {
    SmallWorld world;
    world.install(R"([{"setWeight": 5}, {"pause": {}}])", R"({"spec": {"strategy": {"canary":
        {"analysis": {"templates": [{"templateName": "success-rate"}]}}}}})");
    world.set_image("shop:v2");
    REQUIRE(world.runs().size() == 1);
    const std::string former(world.runs().front().name());

    world.patch(
        R"({"spec": {"strategy": {"canary": {"steps": [{"setWeight": 10}, {"pause": {}}]}}}})");
    world.settle();
    REQUIRE(world.runs().size() == 2);
    CHECK(world.get(types::analysis_run(), former).boolean("/spec/terminate"));
    CHECK(
        world.rollout().text("/status/canary/currentBackgroundAnalysisRunStatus/name") ==
        former + ".1");
}

TEST_CASE("a Rollout that is gone leaves its services as they were before it") {
    SmallWorld world;
    begin_update(world, gated);
    REQUIRE(world.store.remove(world.key(types::rollout(), "shop")));
    world.settle();
    for (const char* name : {"shop-stable", "shop-canary"}) {
        const Object service = world.get(types::service(), name);
        CHECK(hash_in(world, name).empty());
        CHECK(service.text("/spec/selector/app") == "shop");
        CHECK_FALSE(service.annotation("argo-rollouts.argoproj.io/managed-by-rollouts"));
    }
}
