#include "cli/rollout_view.h"

#include <doctest/doctest.h>

namespace serin::cli {

namespace {

Object object(std::string_view text) {
    return Object(json::parse(text).value().get_object());
}

const Instant now = parse_time("2026-01-01T00:10:00Z").value();

RolloutFamily paused_release() {
    RolloutFamily family;
    family.rollout = object(R"({"apiVersion":"argoproj.io/v1alpha1","kind":"Rollout",
        "metadata":{"name":"web","namespace":"default","uid":"r","generation":2,
                    "creationTimestamp":"2025-12-25T00:00:00Z"},
        "spec":{"replicas":4,"strategy":{"canary":{"steps":[
            {"setWeight":25},{"pause":{}},{"setWeight":50}]}}},
        "status":{"phase":"Paused","message":"CanaryPauseStep","observedGeneration":"2",
            "currentStepIndex":1,"stableRS":"old","currentPodHash":"new","controllerPause":true,
            "pauseConditions":[{"reason":"CanaryPauseStep","startTime":"2026-01-01T00:08:00Z"}],
            "replicas":5,"updatedReplicas":1,"readyReplicas":5,"availableReplicas":5,
            "canary":{"weights":{"canary":{"weight":25}}}}})");
    family.replica_sets.push_back(object(R"({"apiVersion":"apps/v1","kind":"ReplicaSet",
        "metadata":{"name":"web-new","uid":"s2","generation":1,
            "creationTimestamp":"2026-01-01T00:08:00Z",
            "labels":{"rollouts-pod-template-hash":"new"},
            "annotations":{"rollout.argoproj.io/revision":"2"}},
        "spec":{"replicas":1,"template":{"spec":{"containers":[{"image":"web:v2"}]}}},
        "status":{"observedGeneration":1,"replicas":1,"availableReplicas":1}})"));
    family.replica_sets.push_back(object(R"({"apiVersion":"apps/v1","kind":"ReplicaSet",
        "metadata":{"name":"web-old","uid":"s1","generation":1,
            "creationTimestamp":"2025-12-25T00:00:00Z",
            "labels":{"rollouts-pod-template-hash":"old"},
            "annotations":{"rollout.argoproj.io/revision":"1",
                           "scale-down-deadline":"2026-01-01T00:10:23Z"}},
        "spec":{"replicas":4,"template":{"spec":{"containers":[{"image":"web:v1"}]}}},
        "status":{"observedGeneration":1,"replicas":4,"availableReplicas":4}})"));
    family.pods.push_back(object(R"({"apiVersion":"v1","kind":"Pod",
        "metadata":{"name":"web-new-9wf5r","creationTimestamp":"2026-01-01T00:08:00Z",
            "ownerReferences":[{"uid":"s2","controller":true,"kind":"ReplicaSet","name":"web-new"}]},
        "spec":{"containers":[{"name":"web"}]},
        "status":{"phase":"Running","containerStatuses":[{"ready":true,"restartCount":2}]}})"));
    family.analysis_runs.push_back(object(R"({"apiVersion":"argoproj.io/v1alpha1",
        "kind":"AnalysisRun","metadata":{"name":"web-new-2-1",
            "creationTimestamp":"2026-01-01T00:08:30Z",
            "annotations":{"rollout.argoproj.io/revision":"2"}},
        "status":{"phase":"Running","metricResults":[
            {"successful":3},{"successful":1,"failed":1,"inconclusive":1,"error":1}]}})"));
    return family;
}

}  // namespace

TEST_CASE("what a judge expects and what a budget has left are shown beside the run") {
    RolloutFamily family = paused_release();
    family.analysis_runs.front() = object(R"({"apiVersion":"argoproj.io/v1alpha1",
        "kind":"AnalysisRun","metadata":{"name":"web-new-2-1",
            "creationTimestamp":"2026-01-01T00:08:30Z",
            "annotations":{"rollout.argoproj.io/revision":"2"}},
        "status":{"phase":"Running","metricResults":[
            {"name":"judge","measurements":[{"phase":"Running",
                "metadata":{"estimate":"decision expected in about 40s","plan":"too low"}}]},
            {"name":"risk","measurements":[{"phase":"Running",
                "metadata":{"budget":"left: 17 of 20 failed requests"}}]}]}})");
    CHECK(render_rollout(family, now)
              .contains("judge: too low; judge: decision expected in about 40s; "
                        "risk: left: 17 of 20 failed requests"));
}

TEST_CASE("where a failed canary is worse is shown beside the run that found it") {
    RolloutFamily family = paused_release();
    family.analysis_runs.front() = object(R"({"apiVersion":"argoproj.io/v1alpha1",
        "kind":"AnalysisRun","metadata":{"name":"web-new-2-1",
            "creationTimestamp":"2026-01-01T00:08:30Z",
            "annotations":{"rollout.argoproj.io/revision":"2"}},
        "status":{"phase":"Failed","metricResults":[
            {"name":"judge","measurements":[{"phase":"Failed","finishedAt":"2026-01-01T00:09:00Z",
                "metadata":{"where":"Worse is route /cart","estimate":"soon"}}]}]}})");
    const std::string shown = render_rollout(family, now);
    CHECK(shown.contains("judge: Worse is route /cart"));
    CHECK_FALSE(shown.contains("soon"));
}

TEST_CASE("a paused release is laid out as the Argo plugin lays it out") {
    CHECK(render_rollout(paused_release(), now) == R"(Name:            web
Namespace:       default
Status:          ॥ Paused
Message:         CanaryPauseStep
Strategy:        Canary
  Step:          1/3
  SetWeight:     25
  ActualWeight:  25
Images:          web:v1 (stable)
                 web:v2 (canary)
Replicas:
  Desired:       4
  Current:       5
  Updated:       1
  Ready:         5
  Available:     5

NAME                      KIND         STATUS     AGE  INFO
⟳ web                     Rollout      ॥ Paused   7d
├──# revision:2
│  ├──⧉ web-new           ReplicaSet   ✔ Healthy  2m   canary
│  │  └──□ web-new-9wf5r  Pod          ✔ Running  2m   ready:1/1,restarts:2
│  └──α web-new-2-1       AnalysisRun  ◌ Running  90s  ✔ 4,✖ 1,? 1,⚠ 1
└──# revision:1
   └──⧉ web-old           ReplicaSet   ✔ Healthy  7d   stable,delay:23s
)");
}

TEST_CASE("a client says so when the controller has not seen the latest change") {
    Object rollout = paused_release().rollout;
    rollout.put("/metadata/generation", 3);
    CHECK(phase_of(rollout).phase == "Progressing");
    CHECK(phase_of(rollout).message == "waiting for rollout spec update to be observed");

    rollout.put("/status/observedGeneration", "3");
    rollout.put("/status/pauseConditions", nullptr);
    CHECK(phase_of(rollout).message == "waiting for rollout to unpause");
}

TEST_CASE("an aborted rollout wants weight 0, a finished one has all") {
    Object rollout = paused_release().rollout;
    CHECK(set_weight(rollout) == 25);
    rollout.put("/status/abort", true);
    CHECK(set_weight(rollout) == 0);
    rollout.put("/status/abort", false);
    rollout.put("/status/currentStepIndex", 3);
    CHECK(set_weight(rollout) == 100);
    CHECK(actual_weight(rollout) == 100);
}

TEST_CASE("a blue-green release shows who is active and who is looked at, and has no weights") {
    RolloutFamily family = paused_release();
    family.rollout.put(
        "/spec/strategy", json::parse(R"({"blueGreen": {"activeService": "web"}})").value());
    family.rollout.put(
        "/status/blueGreen",
        json::parse(R"({"activeSelector": "old", "previewSelector": "new"})").value());
    const std::string text = render_rollout(family, now);
    CHECK(text.contains("Strategy:        BlueGreen\nImages:"));
    CHECK(text.contains("web:v1 (active, stable)"));
    CHECK(text.contains("web:v2 (preview)"));
    CHECK(text.contains("stable,active,delay:23s"));
}

}  // namespace serin::cli
