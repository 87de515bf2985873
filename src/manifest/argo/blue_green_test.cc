#include "manifest/argo/lower.h"
#include "manifest/argo/project.h"
#include "manifest/argo/read_status.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

using namespace serin;
using namespace std::chrono_literals;

namespace {

constexpr Instant t0{std::chrono::hours(480'000)};  // 2024-10-04T00:00:00Z.

Object shop(const std::string& blue_green) {
    auto spec = json::parse(
        R"({"replicas": 5, "selector": {"matchLabels": {"app": "shop"}},
            "template": {"metadata": {"labels": {"app": "shop"}}},
            "strategy": {"blueGreen": )" +
        blue_green + "}}");
    REQUIRE(spec);
    Object rollout(types::rollout(), "default", "shop");
    rollout.put("/spec", *std::move(spec));
    rollout.put("/metadata/generation", 3);
    return rollout;
}

Plan plan_of(const std::string& blue_green) {
    const argo::Lowered lowered = argo::lower(shop(blue_green));
    for (const Diagnostic& diagnostic : lowered.diagnostics) FAIL(to_string(diagnostic));
    return lowered.plan;
}

// v1 is stable, v2 complete and waiting for a person.
struct Scene {
    Object rollout = shop(R"({"activeService": "shop", "previewService": "shop-preview",
                 "autoPromotionEnabled": false, "previewReplicaCount": 2})");
    argo::Lowered lowered = argo::lower(rollout);
    ReleaseState state;
    Observation seen;

    Scene() {
        state.candidate = "v2";
        state.stable = "v1";
        state.steps_digest = lowered.plan.steps_digest;
        state.holds = {{HoldKind::before_flip, t0}};
        state.is_holding = true;
        state.progress = {Progress::Kind::held, t0};
        state.counts = {.current = 10, .updated = 5, .ready = 5, .available = 5};
        state.flip = FlipNote{.serving = "v1", .previewed = "v2", .former = {"v0"}};
        state.waiting_for = "a person";
        seen.at = t0;
        seen.replicas = 5;
        seen.wanted = "v2";
        for (const char* id : {"v1", "v2"}) {
            seen.revisions.push_back(
                {.id = id,
                 .group = std::string("shop-") + id,
                 .number = id[1] - '0',
                 .desired = 5,
                 .current = 5,
                 .ready = 5,
                 .available = 5});
        }
    }

    json::Object project() const { return argo::project(rollout, lowered, state, seen); }
    std::string at(const std::string& pointer) const {
        const json::Value status(project());
        const json::Value* found = json::find(status, pointer);
        if (!found) return "-";
        const auto text = json::text(found);
        return text ? std::string(*text) : json::print(*found);
    }
    std::string phase() const { return at("/phase") + ": " + at("/message"); }
    void resume() {
        state.holds.clear();
        state.is_holding = false;
        state.progress.kind = Progress::Kind::advancing;
    }
    void flip() {
        resume();
        state.flip->is_cleared = true;
        state.flip->serving = "v2";
    }
};

}  // namespace

TEST_CASE("a blue-green strategy becomes a flip, with the dialect's defaults") {
    const Plan plan = plan_of(R"({"activeService": "shop"})");
    REQUIRE(plan.flip);
    CHECK(*plan.flip == Flip{});
    CHECK(plan.flip->is_automatic);
    CHECK(plan.surge == Amount{0, false});
    CHECK(plan.unavailable == Amount{25, true});
    CHECK(plan.has_stable_service);
    CHECK_FALSE(plan.has_candidate_service);
    CHECK(plan.steps.empty());
    CHECK_FALSE(plan.routing);
}

TEST_CASE("every field of a blue-green strategy counts") {
    const Plan plan = plan_of(R"({"activeService": "shop", "previewService": "shop-preview",
        "previewReplicaCount": 1, "autoPromotionEnabled": false, "autoPromotionSeconds": 20,
        "scaleDownDelaySeconds": 0, "scaleDownDelayRevisionLimit": 2,
        "abortScaleDownDelaySeconds": 40, "maxUnavailable": "10%",
        "prePromotionAnalysis": {"templates": [{"templateName": "a"}]},
        "postPromotionAnalysis": {"templates": [{"templateName": "b"}]}})");
    CHECK(
        plan.flip == Flip{
                         .preview_replicas = 1,
                         .is_automatic = false,
                         .wait = 20s,
                         .has_judge_before = true,
                         .has_judge_after = true,
                         .retire_delay = Duration(0),
                         .retire_limit = 2,
                         .abort_keep = 40s});
    CHECK(plan.unavailable == Amount{10, true});
    CHECK(plan.has_candidate_service);
}

TEST_CASE("no seconds after an abort mean for ever, and no templates mean no analysis") {
    const Plan plan = plan_of(R"({"activeService": "shop", "abortScaleDownDelaySeconds": 0,
        "prePromotionAnalysis": {"templates": []}})");
    CHECK(plan.flip->keeps_aborted);
    CHECK_FALSE(plan.flip->has_judge_before);
}

TEST_CASE("a blue-green Rollout's phases and messages are Argo's") {
    Scene scene;
    CHECK(scene.phase() == "Paused: BlueGreenPause");
    scene.resume();
    CHECK(scene.phase() == "Progressing: active service cutover pending");
    scene.seen.revisions[1].available = 4;
    CHECK(scene.phase() == "Progressing: updated replicas are still becoming available");
    scene.seen.revisions[1].available = 5;
    scene.flip();
    CHECK(scene.phase() == "Progressing: waiting for analysis to complete");
    scene.state.flip->after_run = RunNote{.name = "post", .phase = RunPhase::running};
    CHECK(scene.phase() == "Progressing: waiting for analysis to complete");
    scene.state.flip->after_run->phase = RunPhase::successful;
    CHECK(scene.phase() == "Progressing: waiting for post-promotion verification to complete");
    scene.state.stable = "v2";
    scene.state.progress.kind = Progress::Kind::arrived;
    CHECK(scene.phase() == "Healthy: -");
    scene.state.flip->previewed = "v1";
    CHECK(scene.at("/conditions").find("RolloutHealthy") == std::string::npos);
    scene.flip();
    scene.state.stable = "v1";
    scene.state.is_aborted = true;
    scene.state.progress.kind = Progress::Kind::aborted;
    scene.state.abort_cause = AbortCause{AbortCause::Kind::after_run_failed, "too slow"};
    CHECK(
        scene.phase() ==
        "Degraded: RolloutAborted: Rollout aborted update to revision 2: Blue/green post-promotion "
        "analysis phase error/failed: too slow");
}

TEST_CASE("the active revision stands for a blue-green Rollout") {
    Scene scene;
    CHECK(scene.at("/blueGreen/activeSelector") == "v1");
    CHECK(scene.at("/blueGreen/previewSelector") == "v2");
    CHECK(scene.at("/selector") == "app=shop,rollouts-pod-template-hash=v1");
    CHECK(scene.at("/HPAReplicas") == "5");
    CHECK(scene.at("/replicas") == "10");
    CHECK(scene.at("/canary") == "{}");
    CHECK(scene.at("/blueGreen/scaleUpPreviewCheckPoint") == "-");
    scene.flip();
    CHECK(scene.at("/blueGreen/scaleUpPreviewCheckPoint") == "true");
    CHECK(scene.at("/selector") == "app=shop,rollouts-pod-template-hash=v2");
}

TEST_CASE("available means that the active revision is complete") {
    Scene scene;
    const auto available = [&] {
        const json::Object status = scene.project();
        for (const json::Value& condition : *json::array(json::find(status, "/conditions"))) {
            if (json::text(json::find(condition, "/type")) == "Available") {
                return std::string(*json::text(json::find(condition, "/status")));
            }
        }
        return std::string();
    };
    CHECK(available() == "True");
    scene.seen.revisions[0].available = 4;
    CHECK(available() == "False");
}

TEST_CASE("what a flip remembers is read back from the status") {
    Scene scene;
    scene.flip();
    scene.state.flip->is_known = true;
    scene.state.flip->before_run = RunNote{"pre", RunPhase::successful, ""};
    scene.state.flip->after_run = RunNote{"post", RunPhase::error, "no answer"};
    scene.rollout.put("/status", scene.project());
    CHECK(argo::read_status(scene.rollout).flip == scene.state.flip);
    CHECK(argo::read_status(scene.rollout).holds == scene.state.holds);
}

TEST_CASE("a flip that Argo's controller had made is not taken for unchecked") {
    Scene scene;
    scene.flip();
    json::Object status = scene.project();
    status.erase("serin");
    scene.rollout.put("/status", status);
    CHECK(argo::read_status(scene.rollout).flip->is_cleared);
    scene.rollout.put("/status/blueGreen/activeSelector", "v1");
    CHECK_FALSE(argo::read_status(scene.rollout).flip->is_cleared);
}
