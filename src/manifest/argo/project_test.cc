#include "manifest/argo/project.h"

#include "manifest/argo/hash.h"
#include "manifest/argo/read_status.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <chrono>
#include <string>

using namespace serin;
using namespace std::chrono_literals;

namespace {

constexpr Instant t0{std::chrono::hours(480'000)};  // 2024-10-04T00:00:00Z.

json::Value parsed(std::string_view text) {
    auto value = json::parse(text);
    REQUIRE(value);
    return *std::move(value);
}

Object shop(std::string_view strategy = R"({"canary": {"stableService": "shop-stable",
    "canaryService": "shop-canary", "steps": [{"setWeight": 20}, {"pause": {}}],
    "trafficRouting": {"plugins": {"argoproj-labs/gatewayAPI": {"httpRoute": "shop"}}}}})") {
    Object rollout(types::rollout(), "default", "shop");
    rollout.put("/spec", parsed(R"({"replicas": 5, "selector": {"matchLabels": {"app": "shop"}},
        "template": {"metadata": {"labels": {"app": "shop"}}}})"));
    rollout.put("/spec/strategy", parsed(strategy));
    rollout.put("/metadata/generation", 3);
    return rollout;
}

// v1 is stable, v2 the candidate at its pause.
struct Scene {
    Object rollout = shop();
    argo::Lowered lowered = argo::lower(rollout);
    ReleaseState state;
    Observation seen;

    Scene() {
        state.candidate = "v2";
        state.stable = "v1";
        state.steps_digest = lowered.plan.steps_digest;
        state.step = 1;
        state.holds = {{HoldKind::pause_step, t0}};
        state.is_holding = true;
        state.exposure = ExposureNote{20, "v2", "v1", true};
        state.progress = {Progress::Kind::held, t0};
        state.counts = {.current = 6, .updated = 1, .ready = 6, .available = 6};
        state.waiting_for = "a person to resume";
        seen.at = t0;
        seen.replicas = 5;
        seen.wanted = "v2";
        seen.revisions = {
            {.id = "v1", .group = "shop-v1", .number = 1, .current = 5, .available = 5},
            {.id = "v2", .group = "shop-v2", .number = 2, .current = 1, .available = 1}};
    }

    json::Object project() const { return argo::project(rollout, lowered, state, seen); }
    std::string phase() const {
        const json::Object status = project();
        return std::string(json::text(json::find(status, "/phase")).value_or("")) + ": " +
               std::string(json::text(json::find(status, "/message")).value_or(""));
    }
    void promote() {
        state.stable = "v2";
        state.step = 2;
        state.holds.clear();
        state.is_holding = false;
        state.progress.kind = Progress::Kind::arrived;
        seen.revisions[1].available = 5;
        state.counts = {.current = 5, .updated = 5, .ready = 5, .available = 5};
    }
};

}  // namespace

TEST_CASE("the status of a canary at its pause, as Argo writes it") {
    const std::string expected = R"({
  "pauseConditions": [{"reason": "CanaryPauseStep", "startTime": "2024-10-04T00:00:00Z"}],
  "controllerPause": true,
  "currentPodHash": "v2",
  "currentStepHash": ")" + Scene().state.steps_digest +
                                 R"(",
  "currentStepIndex": 1,
  "stableRS": "v1",
  "observedGeneration": "3",
  "replicas": 6, "updatedReplicas": 1, "readyReplicas": 6, "availableReplicas": 6,
  "HPAReplicas": 6,
  "selector": "app=shop",
  "phase": "Paused",
  "message": "CanaryPauseStep",
  "canary": {"weights": {
    "canary": {"weight": 20, "serviceName": "shop-canary", "podTemplateHash": "v2"},
    "stable": {"weight": 80, "serviceName": "shop-stable", "podTemplateHash": "v1"},
    "verified": true}},
  "conditions": [
    {"type": "Progressing", "status": "Unknown", "lastUpdateTime": "2024-10-04T00:00:00Z",
     "lastTransitionTime": "2024-10-04T00:00:00Z", "reason": "RolloutPaused",
     "message": "Rollout is paused"},
    {"type": "Available", "status": "True", "lastUpdateTime": "2024-10-04T00:00:00Z",
     "lastTransitionTime": "2024-10-04T00:00:00Z", "reason": "AvailableReason",
     "message": "Rollout has minimum availability"},
    {"type": "Paused", "status": "True", "lastUpdateTime": "2024-10-04T00:00:00Z",
     "lastTransitionTime": "2024-10-04T00:00:00Z", "reason": "RolloutPaused",
     "message": "Rollout is paused"},
    {"type": "Completed", "status": "False", "lastUpdateTime": "2024-10-04T00:00:00Z",
     "lastTransitionTime": "2024-10-04T00:00:00Z", "reason": "RolloutCompleted",
     "message": "RolloutNotCompleted"}],
  "duration": {"rolloutStartedAt": "2024-10-04T00:00:00Z",
    "manualPauseStartedAt": "2024-10-04T00:00:00Z"},
  "blueGreen": {},
  "serin": {"waitingFor": "a person to resume"}})";
    const json::Value status = Scene().project();
    CHECK_MESSAGE(json::same(status, parsed(expected)), json::print_pretty(status));
}

TEST_CASE("phase and message, the first that applies") {
    Scene scene;
    CHECK(scene.phase() == "Paused: CanaryPauseStep");
    scene.state.holds = {{HoldKind::inconclusive, t0}};
    CHECK(scene.phase() == "Paused: InconclusiveAnalysisRun");
    scene.state.holds.clear();
    CHECK(scene.phase() == "Progressing: more replicas need to be updated");
    scene.state.counts.updated = 5;
    CHECK(scene.phase() == "Progressing: updated replicas are still becoming available");
    scene.seen.revisions[1].available = 5;
    CHECK(scene.phase() == "Progressing: waiting for all steps to complete");
    scene.promote();
    CHECK(scene.phase() == "Healthy: ");
    scene.lowered.plan.restart_at = t0;
    CHECK(scene.phase() == "Progressing: rollout is restarting");
    scene.lowered.plan.is_held = true;
    CHECK(scene.phase() == "Paused: manually paused");

    scene.state.progress = {Progress::Kind::timed_out, t0};
    CHECK(
        scene.phase() ==
        "Degraded: ProgressDeadlineExceeded: ReplicaSet \"shop-v2\" has timed out progressing.");
    scene.state.progress.kind = Progress::Kind::aborted;
    scene.state.abort_cause = AbortCause{AbortCause::Kind::background_run_failed, "5 > 3"};
    CHECK(
        scene.phase() ==
        "Degraded: RolloutAborted: Rollout aborted update to revision 2: Background analysis "
        "phase error/failed: 5 > 3");
    scene.state.problem = "no service";
    CHECK(scene.phase() == "Degraded: InvalidSpec: The Rollout \"shop\" is invalid: no service");
}

TEST_CASE("a condition that stays keeps its times; one that turns gets new ones") {
    Scene scene;
    scene.rollout.put("/status", scene.project());
    scene.seen.at = t0 + 1h;
    scene.rollout.put("/status", scene.project());
    CHECK(scene.rollout.text("/status/conditions/1/lastUpdateTime") == "2024-10-04T00:00:00Z");

    scene.state.counts.available = 4;
    const json::Object status = scene.project();
    CHECK(json::text(json::find(status, "/conditions/1/status")) == "False");
    CHECK(
        json::text(json::find(status, "/conditions/1/lastTransitionTime")) ==
        "2024-10-04T01:00:00Z");
}

namespace {

int upto(int most) {
    return *rc::gen::inRange(0, most + 1);
}
bool coin() {
    return *rc::gen::arbitrary<bool>();
}
Instant any_time() {
    return t0 + std::chrono::seconds(upto(100'000));
}
std::string any_text() {
    return *rc::gen::element<std::string>("", "a", "b \"c\": d");
}

std::optional<RunNote> any_run() {
    if (coin()) return std::nullopt;
    return RunNote{"run", static_cast<RunPhase>(upto(5)), any_text()};
}

ReleaseState any_state() {
    ReleaseState state;
    state.candidate = *rc::gen::element<std::string>("", "v1", "v2");
    state.stable = *rc::gen::element<std::string>("", "v1", "v2");
    state.steps_digest = any_text();
    if (coin()) state.step = upto(3);
    state.is_aborted = coin();
    if (coin()) state.aborted_at = any_time();
    if (coin()) {
        state.abort_cause = AbortCause{static_cast<AbortCause::Kind>(upto(5)), any_text()};
    }
    if (coin()) state.holds.push_back({HoldKind::pause_step, any_time()});
    if (coin()) state.holds.push_back({HoldKind::inconclusive, any_time()});
    state.is_holding = coin();
    state.skips_steps = coin();
    if (coin()) state.exposure = ExposureNote{upto(100), any_text(), any_text(), coin()};
    state.step_run = any_run();
    state.background_run = any_run();
    if (coin()) {
        state.progress = {static_cast<Progress::Kind>(1 + upto(9)), any_time()};
    }
    state.counts = {upto(9), upto(9), upto(9), upto(9)};
    if (coin()) state.restarted_at = any_time();
    state.waiting_for = any_text();
    state.problem = any_text();
    return state;
}

}  // namespace

TEST_CASE("what is written into a status is read back from it") {
    CHECK(rc::check([] {
        Scene scene;
        scene.state = any_state();
        scene.rollout.put("/status", scene.project());
        RC_ASSERT(argo::read_status(scene.rollout) == scene.state);
        const json::Value again = scene.project();
        RC_ASSERT(json::same(again, *scene.rollout.find("/status")));
    }));
}

TEST_CASE("whatever stands in a status is read without failing") {
    Object rollout = shop();
    for (const char* status :
         {"1",
          "[]",
          R"({"pauseConditions": 3, "conditions": {}, "currentStepIndex": "x"})",
          R"({"pauseConditions": [1, {"reason": "CanaryPauseStep", "startTime": "noon"}],
              "conditions": [{"type": "Progressing"}], "currentStepIndex": -4,
              "replicas": 1e99, "canary": {"weights": 3}})"}) {
        rollout.put("/status", parsed(status));
        const ReleaseState state = argo::read_status(rollout);
        CHECK(state.holds.empty());
        CHECK(state.step.value_or(0) == 0);
    }
}

TEST_CASE("templates are told apart by content, not by order or the hash label") {
    const json::Value one =
        parsed(R"({"metadata": {"labels": {"a": "b"}}, "spec": {"x": 1, "y": 2}})");
    const json::Value same = parsed(R"({"spec": {"y": 2, "x": 1}, "metadata": {"labels":
        {"rollouts-pod-template-hash": "abc", "a": "b"}, "creationTimestamp": null}})");
    const json::Value other = parsed(R"({"metadata": {"labels": {"a": "b"}}, "spec": {"x": 1}})");
    CHECK(argo::is_same_template(one, same));
    CHECK(argo::template_id(one) == argo::template_id(same));
    CHECK_FALSE(argo::is_same_template(one, other));
    CHECK(argo::template_id(one) != argo::template_id(other));
    CHECK(argo::template_id(one) != argo::template_id(one, 1));
}
