#include "control/manager.h"
#include "control/release_controller.h"
#include "manifest/argo/names.h"
#include "store/memory.h"
#include "traffic/http_route.h"

#include <doctest/doctest.h>

#include "ground.h"
#include "small_world.h"
#include <map>
#include <string>
#include <vector>

// Releases that Argo's controller left, as it leaves them: with hashes of its making, templates as
// Kubernetes stores them, and nothing of Serin's. They go on as they stand.

using namespace serin;
using namespace serin::control;
using namespace std::chrono_literals;

namespace {

json::Value parsed(const std::string& text) {
    auto value = json::parse(text);
    REQUIRE_MESSAGE(value, (value ? "" : value.error().message));
    return *std::move(value);
}

// As a person writes it.
std::string written(const std::string& image) {
    return R"({"metadata": {"labels": {"app": "shop"}}, "spec": {"containers": [{"name": "shop",
        "image": ")" +
           image + R"(", "ports": [{"containerPort": 8080}],
        "resources": {"limits": {"cpu": "1000m"}},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}}}]}})";
}

// As it stands in a ReplicaSet.
std::string stored(const std::string& image, const std::string& hash) {
    return R"({"metadata": {"creationTimestamp": null, "labels": {"app": "shop",
        "rollouts-pod-template-hash": ")" +
           hash + R"("}}, "spec": {"containers": [{"name": "shop", "image": ")" + image + R"(",
        "imagePullPolicy": "IfNotPresent", "ports": [{"containerPort": 8080, "protocol": "TCP"}],
        "resources": {"limits": {"cpu": "1"}}, "readinessProbe": {"failureThreshold": 3,
            "httpGet": {"path": "/ready", "port": 8080, "scheme": "HTTP"}, "periodSeconds": 10,
            "successThreshold": 1, "timeoutSeconds": 1},
        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}],
        "dnsPolicy": "ClusterFirst", "restartPolicy": "Always",
        "schedulerName": "default-scheduler", "securityContext": {},
        "terminationGracePeriodSeconds": 30}})";
}

struct Group {
    std::string hash;
    std::string image;
    int number = 1;
    int replicas = 5;
    std::string pod_template;  // Empty: stored().
};

class Cluster {
public:
    // `strategy` and `status` as JSON.
    Cluster(const std::string& image, const std::string& strategy) {
        rollout_ = Object(types::rollout(), ns, "shop");
        rollout_.set_annotation(argo::annotation_revision, "2");
        rollout_.put("/spec/replicas", 5);
        rollout_.put("/spec/selector/matchLabels/app", "shop");
        rollout_.put("/spec/template", parsed(written(image)));
        rollout_.put("/spec/strategy", parsed(strategy));
        const char* routed =
            "/spec/strategy/canary/trafficRouting/plugins/argoproj-labs~1gatewayAPI";
        if (rollout_.find(routed)) {
            rollout_.put(std::string(routed) + "/namespace", json::string(ns));
        }
        rollout_ = put(rollout_);
    }

    Object put(Object object) {
        const auto created = store.create(object);
        REQUIRE_MESSAGE(created, (created ? "" : created.error().message));
        if (!object.find("/status")) return *created;
        object.document()["metadata"] = *created->find("/metadata");
        const auto updated = store.update(object, Part::status);
        REQUIRE(updated);
        return *updated;
    }

    void add(const Group& group) {
        Object set(types::replica_set(), ns, "shop-" + group.hash);
        set.set_label("app", "shop");
        set.set_label(argo::label_hash, group.hash);
        set.set_annotation(argo::annotation_revision, std::to_string(group.number));
        set.set_annotation(argo::annotation_desired_replicas, "5");
        set.set_controller(rollout_);
        set.put("/spec/replicas", group.replicas);
        set.put("/spec/selector/matchLabels/app", "shop");
        set.put(
            "/spec/selector/matchLabels/" + std::string(argo::label_hash),
            json::string(group.hash));
        set.put(
            "/spec/template",
            parsed(
                group.pod_template.empty() ? stored(group.image, group.hash) : group.pod_template));
        for (const char* count :
             {"replicas", "readyReplicas", "availableReplicas", "fullyLabeledReplicas"}) {
            if (group.replicas > 0) set.put("/status/" + std::string(count), group.replicas);
        }
        set.put("/status/replicas", group.replicas);
        set.put("/status/observedGeneration", 1);
        put(set);
    }

    void add_service(const std::string& name, const std::string& hash) {
        Object service(types::service(), ns, name);
        service.set_annotation(argo::annotation_managed_by, "shop");
        service.put("/spec/selector/app", "shop");
        service.put("/spec/ports", json::Array{json::Object{{"port", 80}}});
        service.put("/spec/selector/" + std::string(argo::label_hash), json::string(hash));
        put(service);
    }

    void add_route(int weight) {
        Object route(types::http_route(), ns, "shop");
        route.put(
            "/spec/rules",
            parsed(
                R"([{"backendRefs": [{"group": "", "kind": "Service", "name": "shop-stable",
                "port": 80, "weight": )" +
                std::to_string(100 - weight) +
                R"(}, {"group": "", "kind": "Service", "name": "shop-canary", "port": 80,
                "weight": )" +
                std::to_string(weight) + "}]}]"));
        route.put("/status/parents", parsed(R"([{"controllerName": "example.org/gateway",
            "conditions": [{"type": "Accepted", "status": "True", "observedGeneration": 1}]}])"));
        put(route);
    }

    // Without status the manifest has just been changed.
    void set_status(const std::string& status) {
        rollout_.put("/status", parsed(status));
        const auto updated = store.update(rollout_, Part::status);
        REQUIRE(updated);
    }

    // The keys of everything that Serin's controller creates, changes or removes from here on.
    std::vector<std::string> take_over() {
        const auto before = versions();
        if (!manager) {
            manager =
                std::make_unique<Manager>(ground->loop, own, std::vector<Reconciler*>{&controller});
            manager->start();
        }
        ground->settle();
        std::vector<std::string> changed;
        const auto after = versions();
        for (const auto& [key, version] : after) {
            const auto former = before.find(key);
            if (former == before.end() || former->second != version) changed.push_back(key);
        }
        for (const auto& [key, version] : before) {
            if (!after.contains(key)) changed.push_back(key);
        }
        return changed;
    }

    std::map<std::string, std::string> versions() const {
        std::map<std::string, std::string> all;
        for (const ResourceType& type : resource_types()) {
            if (&type == &types::event()) continue;
            const auto list = store.list({.type = &type});
            REQUIRE(list);
            for (const Object& one : list->items) {
                // Of the Rollout everything but its status counts.
                std::string version(one.resource_version());
                if (&type == &types::rollout()) {
                    version = json::print_canonical(*one.find("/spec"));
                    version += std::to_string(one.generation());
                }
                all[to_string(one.key())] = version;
            }
        }
        return all;
    }

    Object rollout() const { return get(types::rollout(), "shop"); }
    std::vector<std::string> news() const {
        std::vector<std::string> reasons;
        for (const Object& event : store.list({.type = &types::event()})->items) {
            reasons.emplace_back(event.text("/reason"));
        }
        return reasons;
    }

    Object get(const ResourceType& type, const std::string& name) const {
        return *store.get({&type, ns, name});
    }

    std::unique_ptr<Ground> ground = make_ground(*parse_time("2026-03-01T12:00:00Z"));
    const std::string& ns = ground->ns;
    ObjectStore& store = ground->others();
    ObjectStore& own = ground->controllers();
    store::MemoryEvidenceLog evidence;
    traffic::HttpRouteRouter router{own};
    Plugins plugins{ground->loop};
    ReleaseController controller{ground->loop, own, evidence, router, plugins};
    std::unique_ptr<Manager> manager;

private:
    Object rollout_;
};

constexpr const char* canary = R"({"canary": {"stableService": "shop-stable",
    "canaryService": "shop-canary", "trafficRouting": {"plugins": {"argoproj-labs/gatewayAPI":
    {"httpRoute": "shop"}}}, "steps": [{"setWeight": 10},
    {"pause": {"duration": "1m"}}, {"setWeight": 20}, {"pause": {}}, {"setWeight": 50}]}})";
constexpr const char* judged = R"({"canary": {"stableService": "shop-stable",
    "canaryService": "shop-canary", "trafficRouting": {"plugins": {"argoproj-labs/gatewayAPI":
    {"httpRoute": "shop"}}}, "steps": [{"setWeight": 20}, {"pause": {}},
    {"experiment": {"duration": "1m", "templates": [{"name": "a", "specRef": "canary"}]}}]}})";

std::string weights(const std::string& stable, const std::string& candidate, int weight) {
    return R"("weights": {"canary": {"podTemplateHash": ")" + candidate +
           R"(", "serviceName": "shop-canary", "weight": )" + std::to_string(weight) +
           R"(}, "stable": {"podTemplateHash": ")" + stable +
           R"(", "serviceName": "shop-stable", "weight": )" + std::to_string(100 - weight) +
           R"(}, "verified": true})";
}

std::string condition(
    const std::string& type,
    const std::string& status,
    const std::string& reason,
    const std::string& message) {
    return R"({"type": ")" + type + R"(", "status": ")" + status + R"(", "reason": ")" + reason +
           R"(", "message": ")" + message +
           R"(", "lastTransitionTime": "2026-03-01T11:00:00Z",
           "lastUpdateTime": "2026-03-01T11:00:00Z"})";
}

std::string paused_status(const std::string& steps_hash, int step) {
    return R"({"HPAReplicas": 6, "availableReplicas": 6, "blueGreen": {}, "canary": {)" +
           weights("789746c88d", "687d76d795", 20) + R"(}, "conditions": [)" +
           condition("Available", "True", "AvailableReason", "Rollout has minimum availability") +
           "," + condition("Completed", "False", "RolloutCompleted", "RolloutCompleted") + "," +
           condition("Paused", "True", "RolloutPaused", "Rollout is paused") + "," +
           condition("Progressing", "Unknown", "RolloutPaused", "Rollout is paused") +
           R"(], "controllerPause": true, "currentPodHash": "687d76d795", "currentStepHash": ")" +
           steps_hash + R"(", "currentStepIndex": )" + std::to_string(step) +
           R"(, "message": "CanaryPauseStep",
           "observedGeneration": "1", "pauseConditions": [{"reason": "CanaryPauseStep",
           "startTime": "2026-03-01T11:00:00Z"}], "phase": "Paused", "readyReplicas": 6,
           "replicas": 6, "selector": "app=shop", "stableRS": "789746c88d",
           "updatedReplicas": 1})";
}

void add_paused(Cluster& cluster, const std::string& candidate_template = "") {
    cluster.add({.hash = "789746c88d", .image = "shop:v1", .number = 1});
    cluster.add(
        {.hash = "687d76d795",
         .image = "shop:v2",
         .number = 2,
         .replicas = 1,
         .pod_template = candidate_template});
    cluster.add_service("shop-stable", "789746c88d");
    cluster.add_service("shop-canary", "687d76d795");
    cluster.add_route(20);
}

}  // namespace

TEST_CASE("a healthy canary that Argo left stays as it is") {
    Cluster cluster("shop:v2", canary);
    cluster.add({.hash = "687d76d795", .image = "shop:v2", .number = 2});
    cluster.add({.hash = "789746c88d", .image = "shop:v1", .number = 1, .replicas = 0});
    cluster.add_service("shop-stable", "687d76d795");
    cluster.add_service("shop-canary", "687d76d795");
    cluster.add_route(0);
    cluster.set_status(
        R"({"HPAReplicas": 5, "availableReplicas": 5, "blueGreen": {}, "canary": {)" +
        weights("687d76d795", "687d76d795", 0) + R"(}, "conditions": [)" +
        condition("Available", "True", "AvailableReason", "Rollout has minimum availability") +
        "," + condition("Healthy", "True", "RolloutHealthy", "Rollout is healthy") + "," +
        condition(
            "Progressing",
            "True",
            "NewReplicaSetAvailable",
            R"(ReplicaSet \"shop-687d76d795\" has successfully progressed.)") +
        "," + condition("Completed", "True", "RolloutCompleted", "RolloutCompleted") +
        R"(], "currentPodHash": "687d76d795", "currentStepHash": "unknown",
        "currentStepIndex": 5, "observedGeneration": "1", "phase": "Healthy", "readyReplicas": 5,
        "replicas": 5, "selector": "app=shop", "stableRS": "687d76d795", "updatedReplicas": 5})");
    const Object before = cluster.rollout();

    CHECK(cluster.take_over().empty());
    const Object after = cluster.rollout();
    for (const char* kept :
         {"phase",
          "message",
          "currentPodHash",
          "stableRS",
          "currentStepIndex",
          "replicas",
          "conditions",
          "selector",
          "observedGeneration"}) {
        CAPTURE(kept);
        const std::string pointer = "/status/" + std::string(kept);
        const json::Value* was = before.find(pointer);
        const json::Value* is = after.find(pointer);
        REQUIRE((was == nullptr) == (is == nullptr));
        if (was && std::string(kept) != "conditions") CHECK(json::same(*was, *is));
        if (was && std::string(kept) == "conditions") {
            CHECK(json::array(is)->size() == json::array(was)->size());
        }
    }
    CHECK(cluster.news().empty());
    cluster.ground->advance(10min);
    CHECK(cluster.rollout().text("/status/phase") == "Healthy");
}

TEST_CASE("a canary that Argo left paused stays at its step with its weight") {
    // With and without steps whose hash is known.
    for (const auto& [strategy, step] : {std::pair(canary, 3), std::pair(judged, 1)}) {
        CAPTURE(step);
        Cluster cluster("shop:v2", strategy);
        add_paused(cluster);
        cluster.set_status(paused_status("5c9f87c6d4", step));

        CHECK(cluster.take_over().empty());
        const Object after = cluster.rollout();
        CHECK(after.text("/status/phase") == "Paused");
        CHECK(after.text("/status/message") == "CanaryPauseStep");
        CHECK(after.integer("/status/currentStepIndex") == step);
        CHECK(after.text("/status/currentPodHash") == "687d76d795");
        CHECK(after.text("/status/stableRS") == "789746c88d");
        CHECK(after.text("/status/pauseConditions/0/startTime") == "2026-03-01T11:00:00Z");
        CHECK(after.integer("/status/canary/weights/canary/weight") == 20);
        CHECK(cluster.news().empty());
        CHECK_FALSE(after.find("/status/duration"));

        // And goes on from there.
        const auto resumed = cluster.store.patch(
            after.key(),
            PatchKind::merge,
            json::Object{{"status", json::Object{{"pauseConditions", nullptr}}}},
            Part::status);
        REQUIRE(resumed);
        cluster.ground->settle();
        CHECK(cluster.rollout().integer("/status/currentStepIndex") == step + 1);
    }
}

TEST_CASE("a pause that Argo began ends when it would have") {
    Cluster cluster("shop:v2", canary);
    add_paused(cluster);
    // Of the pause before, with the next step's weight: it cannot be there yet.
    cluster.set_status(paused_status("5c9f87c6d4", 1));
    cluster.take_over();
    // An hour ago, for one minute.
    CHECK(cluster.rollout().integer("/status/currentStepIndex") > 1);
}

TEST_CASE("a manifest that was changed meanwhile is followed") {
    Cluster cluster("shop:v2", judged);
    add_paused(cluster);
    cluster.set_status(paused_status("5c9f87c6d4", 1));
    const auto changed = cluster.store.patch(
        cluster.rollout().key(),
        PatchKind::merge,
        parsed(
            R"({"spec": {"strategy": {"canary": {"steps": [{"setWeight": 5}, {"pause": {}}]}}}})"));
    REQUIRE(changed);
    cluster.take_over();
    // Whether the steps are still those of the status nobody can tell: from the first, and less.
    const Object route = cluster.get(types::http_route(), "shop");
    CHECK(route.integer("/spec/rules/0/backendRefs/1/weight") < 20);
}

TEST_CASE("an abort that Argo left stays one") {
    Cluster cluster("shop:v2", canary);
    cluster.add({.hash = "789746c88d", .image = "shop:v1", .number = 1});
    cluster.add({.hash = "687d76d795", .image = "shop:v2", .number = 2, .replicas = 0});
    cluster.add_service("shop-stable", "789746c88d");
    cluster.add_service("shop-canary", "789746c88d");
    cluster.add_route(0);
    const std::string message = "Rollout aborted update to revision 2: Metric \\\"rate\\\" failed";
    cluster.set_status(
        R"({"HPAReplicas": 5, "abort": true, "abortedAt": "2026-03-01T11:00:00Z",
        "availableReplicas": 5, "blueGreen": {}, "canary": {)" +
        weights("789746c88d", "687d76d795", 0) + R"(}, "conditions": [)" +
        condition("Available", "True", "AvailableReason", "Rollout has minimum availability") +
        "," + condition("Completed", "False", "RolloutCompleted", "RolloutCompleted") + "," +
        condition("Progressing", "False", "RolloutAborted", message) +
        R"(], "currentPodHash": "687d76d795", "currentStepHash": "5c9f87c6d4",
        "currentStepIndex": 0, "message": "RolloutAborted: )" +
        message + R"(", "observedGeneration": "1", "phase": "Degraded", "readyReplicas": 5,
        "replicas": 5, "selector": "app=shop", "stableRS": "789746c88d"})");

    CHECK(cluster.take_over().empty());
    const Object after = cluster.rollout();
    CHECK(after.text("/status/phase") == "Degraded");
    CHECK(
        after.text("/status/message") ==
        "RolloutAborted: Rollout aborted update to revision 2: Metric \"rate\" failed");
    CHECK(after.boolean("/status/abort"));
    CHECK(after.text("/status/abortedAt") == "2026-03-01T11:00:00Z");
    cluster.ground->advance(1h);
    CHECK(cluster.take_over().empty());
}

TEST_CASE("a blue-green release that Argo left before its switch waits on") {
    Cluster cluster("shop:v2", R"({"blueGreen": {"activeService": "shop-active",
        "previewService": "shop-preview", "autoPromotionEnabled": false}})");
    cluster.add({.hash = "789746c88d", .image = "shop:v1", .number = 1});
    cluster.add({.hash = "687d76d795", .image = "shop:v2", .number = 2});
    cluster.add_service("shop-active", "789746c88d");
    cluster.add_service("shop-preview", "687d76d795");
    cluster.set_status(
        R"({"HPAReplicas": 5, "availableReplicas": 5, "blueGreen": {
        "activeSelector": "789746c88d", "previewSelector": "687d76d795"}, "canary": {},
        "conditions": [)" +
        condition("Available", "True", "AvailableReason", "Rollout has minimum availability") +
        "," + condition("Completed", "False", "RolloutCompleted", "RolloutCompleted") + "," +
        condition("Paused", "True", "RolloutPaused", "Rollout is paused") + "," +
        condition("Progressing", "Unknown", "RolloutPaused", "Rollout is paused") +
        R"(], "controllerPause": true, "currentPodHash": "687d76d795", "message": "BlueGreenPause",
        "observedGeneration": "1", "pauseConditions": [{"reason": "BlueGreenPause",
        "startTime": "2026-03-01T11:00:00Z"}], "phase": "Paused", "readyReplicas": 5,
        "replicas": 10, "selector": "app=shop,rollouts-pod-template-hash=789746c88d",
        "stableRS": "789746c88d", "updatedReplicas": 5})");

    CHECK(cluster.take_over().empty());
    const Object after = cluster.rollout();
    CHECK(after.text("/status/phase") == "Paused");
    CHECK(after.text("/status/message") == "BlueGreenPause");
    CHECK(after.text("/status/blueGreen/activeSelector") == "789746c88d");
    CHECK(after.text("/status/blueGreen/previewSelector") == "687d76d795");
}

TEST_CASE("a healthy blue-green Rollout that Argo left stays as it is") {
    Cluster cluster("shop:v2", R"({"blueGreen": {"activeService": "shop-active",
        "previewService": "shop-preview"}})");
    cluster.add({.hash = "789746c88d", .image = "shop:v1", .number = 1, .replicas = 0});
    cluster.add({.hash = "687d76d795", .image = "shop:v2", .number = 2});
    cluster.add_service("shop-active", "687d76d795");
    cluster.add_service("shop-preview", "687d76d795");
    cluster.set_status(
        R"({"HPAReplicas": 5, "availableReplicas": 5, "blueGreen": {
        "activeSelector": "687d76d795", "previewSelector": "687d76d795"}, "canary": {},
        "conditions": [)" +
        condition("Available", "True", "AvailableReason", "Rollout has minimum availability") +
        "," + condition("Healthy", "True", "RolloutHealthy", "Rollout is healthy") + "," +
        condition("Completed", "True", "RolloutCompleted", "RolloutCompleted") + "," +
        condition("Progressing", "True", "NewReplicaSetAvailable", "ReplicaSet has progressed") +
        R"(], "currentPodHash": "687d76d795", "observedGeneration": "1", "phase": "Healthy",
        "readyReplicas": 5, "replicas": 5,
        "selector": "app=shop,rollouts-pod-template-hash=687d76d795", "stableRS": "687d76d795",
        "updatedReplicas": 5})");
    CHECK(cluster.take_over().empty());
    CHECK(cluster.rollout().text("/status/phase") == "Healthy");
    CHECK(cluster.news().empty());
}

TEST_CASE("a template that something changed on its way is known by the status, and remembered") {
    Cluster cluster("shop:v2", canary);
    const std::string changed = R"({"metadata": {"labels": {"app": "shop", "added": "by-a-webhook",
        "rollouts-pod-template-hash": "687d76d795"}},
        "spec": {"containers": [{"name": "shop", "image": "mirror/shop:v2"}]}})";
    add_paused(cluster, changed);
    cluster.set_status(paused_status("5c9f87c6d4", 3));

    const std::vector<std::string> noted{"replicasets.apps " + cluster.ns + "/shop-687d76d795"};
    CHECK(cluster.take_over() == noted);
    const Object group = cluster.get(types::replica_set(), "shop-687d76d795");
    CHECK(group.generation() == 1);  // Only a note.
    CHECK(group.annotation(argo::annotation_template));
    CHECK(cluster.rollout().text("/status/phase") == "Paused");

    // Another generation of the same template is still this revision's.
    const auto scaled = cluster.store.patch(
        cluster.rollout().key(), PatchKind::merge, parsed(R"({"spec": {"replicas": 6}})"));
    REQUIRE(scaled);
    cluster.ground->settle();
    CHECK(cluster.rollout().text("/status/currentPodHash") == "687d76d795");
    CHECK(cluster.store.list({.type = &types::replica_set()})->items.size() == 2);
}

TEST_CASE("a template that was changed meanwhile is another revision") {
    Cluster cluster("shop:v3", canary);
    add_paused(cluster);
    std::string status = paused_status("5c9f87c6d4", 3);
    status.replace(status.find(R"("observedGeneration": "1")"), 25, R"("observedGeneration": "0")");
    cluster.set_status(status);
    cluster.take_over();
    CHECK(cluster.store.list({.type = &types::replica_set()})->items.size() == 3);
}
