#include "cli/adopt_plan.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

using namespace serin;
using namespace serin::cli;

namespace {

const Instant now = *parse_time("2026-03-01T12:00:00Z");

Object object(const std::string& text) {
    const auto value = json::parse(text);
    REQUIRE_MESSAGE(value, (value ? "" : value.error().message));
    return Object(value->as_object());
}

// A Rollout in a pause at 20 %, as Argo's controller leaves it.
std::vector<Object> shop() {
    const auto group = [](const char* hash, const char* image, int number, int replicas) {
        Object set = object(R"({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata":
            {"namespace": "default", "generation": 1, "creationTimestamp": "2026-03-01T10:00:00Z",
             "ownerReferences": [{"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
                "name": "shop", "uid": "u1", "controller": true}]},
            "spec": {"template": {"metadata": {"labels": {"app": "shop"}}, "spec":
                {"dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "containers":
                    [{"name": "shop", "imagePullPolicy": "IfNotPresent"}]}}},
            "status": {"observedGeneration": 1}})");
        set.put("/metadata/name", json::string(std::string("shop-") + hash));
        set.put("/metadata/uid", json::string(hash));
        set.set_label("rollouts-pod-template-hash", hash);
        set.set_annotation("rollout.argoproj.io/revision", std::to_string(number));
        set.set_annotation("rollout.argoproj.io/desired-replicas", "5");
        set.put("/spec/replicas", replicas);
        set.put(
            "/spec/template/spec/containers",
            *json::parse(
                std::string(R"([{"name": "shop", "imagePullPolicy": "IfNotPresent", "image": ")") +
                image + "\"}]"));
        for (const char* count : {"replicas", "readyReplicas", "availableReplicas"}) {
            set.put(std::string("/status/") + count, replicas);
        }
        return set;
    };
    Object rollout = object(R"({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
        "metadata": {"name": "shop", "namespace": "default", "uid": "u1", "generation": 7,
            "annotations": {"rollout.argoproj.io/revision": "2"}},
        "spec": {"replicas": 5, "selector": {"matchLabels": {"app": "shop"}},
            "template": {"metadata": {"labels": {"app": "shop"}}, "spec": {"containers":
                [{"name": "shop", "image": "shop:v2"}]}},
            "strategy": {"canary": {"maxSurge": 1, "maxUnavailable": 0,
                "steps": [{"setWeight": 20}, {"pause": {}}]}}},
        "status": {"observedGeneration": "7", "currentPodHash": "new", "stableRS": "old",
            "currentStepHash": "argo", "currentStepIndex": 1, "controllerPause": true,
            "pauseConditions": [{"reason": "CanaryPauseStep",
                "startTime": "2026-03-01T11:00:00Z"}],
            "phase": "Paused", "message": "CanaryPauseStep", "replicas": 5, "updatedReplicas": 1,
            "readyReplicas": 5, "availableReplicas": 5,
            "conditions": [{"type": "Progressing", "status": "Unknown", "reason": "RolloutPaused",
                "message": "Rollout is paused", "lastUpdateTime": "2026-03-01T11:00:00Z",
                "lastTransitionTime": "2026-03-01T11:00:00Z"}]}})");
    return {rollout, group("old", "shop:v1", 1, 4), group("new", "shop:v2", 2, 1)};
}

Foreseen foresee_in(const std::vector<Object>& objects) {
    CopiedStore store(
        {.list = [&](const ResourceType& type,
                     const std::string& ns) -> Result<std::vector<Object>> {
             std::vector<Object> found;
             for (const Object& one : objects) {
                 if (one.type() == &type && one.ns() == ns) found.push_back(one);
             }
             return found;
         },
         .get = [](const ObjectKey& key) -> Result<Object> {
             return fail(ErrorKind::not_found, to_string(key));
         }},
        now);
    return foresee(store, objects.front(), now);
}

}  // namespace

TEST_CASE("a release that another controller left foresees no change") {
    const Foreseen foreseen = foresee_in(shop());
    CHECK(foreseen.problem.empty());
    CHECK(foreseen.phase == "Paused");
    for (const Foreseen::Change& one : foreseen.changes) {
        MESSAGE(one.object, " ", one.path, " ", one.from, " ", one.to);
    }
    CHECK(foreseen.is_clean());
    CHECK(foreseen.warnings.empty());
}

TEST_CASE("what would be scaled is foreseen") {
    std::vector<Object> objects = shop();
    objects[1].put("/spec/replicas", 3);
    const Foreseen foreseen = foresee_in(objects);
    CHECK_FALSE(foreseen.is_clean());
    const auto scaled =
        std::ranges::find(foreseen.changes, "ReplicaSet shop-old", &Foreseen::Change::object);
    REQUIRE(scaled != foreseen.changes.end());
    CHECK(scaled->path == "/spec/replicas");
    CHECK(scaled->from == "3");
    CHECK(scaled->to == "4");
}

TEST_CASE("a manifest that nobody has followed yet is a new revision, with a warning") {
    std::vector<Object> objects = shop();
    objects[0].put("/metadata/generation", 8);
    objects[0].put(
        "/spec/template/spec/containers",
        *json::parse(R"([{"name": "shop", "image": "shop:v3"}])"));
    const Foreseen foreseen = foresee_in(objects);
    CHECK(foreseen.warnings.size() == 1);
    CHECK(std::ranges::any_of(foreseen.changes, [](const Foreseen::Change& one) {
        return one.object.starts_with("ReplicaSet") && one.to == "created";
    }));
}

TEST_CASE("a manifest that is refused says why") {
    std::vector<Object> objects = shop();
    objects[0].put("/spec/strategy/canary/maxSurge", "much");
    const Foreseen foreseen = foresee_in(objects);
    CHECK(foreseen.problem.find("maxSurge") != std::string::npos);
    CHECK_FALSE(foreseen.is_clean());
}
