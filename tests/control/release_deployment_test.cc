// Deployments: plain rolling updates by the engine, told as Kubernetes tells them.

#include <doctest/doctest.h>

#include "small_world.h"
#include <chrono>
#include <string>
#include <vector>

using namespace serin;
using namespace serin::control;
using namespace std::chrono_literals;

namespace {

json::Value parsed(const std::string& text) {
    auto value = json::parse(text);
    REQUIRE(value);
    return *std::move(value);
}

struct Shop : SmallWorld {
    explicit Shop(const std::string& more = "{}") {
        Object deployment(types::deployment(), ns, "shop");
        deployment.put(
            "/spec", parsed(R"({"replicas": 4, "selector": {"matchLabels": {"app": "shop"}},
            "template": {"metadata": {"labels": {"app": "shop"}},
                         "spec": {"containers": [{"name": "shop", "image": "shop:v1"}]}}})"));
        add(deployment);
        change(more);
    }
    void change(const std::string& patch) {
        const auto changed =
            store.patch(key(types::deployment(), "shop"), PatchKind::merge, parsed(patch));
        REQUIRE_MESSAGE(changed, (changed ? "" : changed.error().message));
        settle();
    }
    void roll_to(const std::string& image) {
        change(
            R"({"spec": {"template": {"spec": {"containers": [{"name": "shop", "image": ")" +
            image + R"("}]}}}})");
    }
    Object deployment() const { return get(types::deployment(), "shop"); }
    std::string reason(std::string_view type) const {
        const Object shop = deployment();
        const json::Array* conditions = json::array(shop.find("/status/conditions"));
        REQUIRE(conditions);
        for (const json::Value& one : *conditions) {
            if (json::text(json::find(one, "/type")) == type) {
                return std::string(json::text(json::find(one, "/reason")).value_or(""));
            }
        }
        return {};
    }
};

}  // namespace

TEST_CASE("a Deployment gets its replicas and says so") {
    const Shop shop;
    const Object deployment = shop.deployment();

    CHECK(shop.replicas("shop:v1") == 4);
    CHECK(deployment.integer("/status/observedGeneration") == deployment.generation());
    CHECK(deployment.integer("/status/replicas") == 4);
    CHECK(deployment.integer("/status/updatedReplicas") == 4);
    CHECK(deployment.integer("/status/availableReplicas") == 4);
    CHECK_FALSE(deployment.find("/status/unavailableReplicas"));
    CHECK(shop.reason("Available") == "MinimumReplicasAvailable");
    CHECK(shop.reason("Progressing") == "NewReplicaSetAvailable");
    CHECK(deployment.annotation("deployment.kubernetes.io/revision") == "1");
    CHECK(shop.group("shop:v1").label("pod-template-hash"));
    CHECK_FALSE(shop.group("shop:v1").label("rollouts-pod-template-hash"));
}

TEST_CASE("a new template replaces the old replicas and an old one comes back under a new number") {
    Shop shop;
    shop.roll_to("shop:v2");
    CHECK(shop.replicas("shop:v2") == 4);
    CHECK(shop.replicas("shop:v1") == 0);
    CHECK(shop.deployment().annotation("deployment.kubernetes.io/revision") == "2");

    shop.roll_to("shop:v1");
    CHECK(shop.replicas("shop:v1") == 4);
    CHECK(shop.replicas("shop:v2") == 0);
    const Object group = shop.group("shop:v1");
    CHECK(group.annotation("deployment.kubernetes.io/revision") == "3");
    CHECK(group.annotation("deployment.kubernetes.io/revision-history") == "1");
}

TEST_CASE("a version that never starts costs no more than maxUnavailable, and going back heals") {
    Shop shop(R"({"spec": {"progressDeadlineSeconds": 60,
        "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}}}})");
    shop.kubelet.broken_image = "shop:v2";
    shop.roll_to("shop:v2");
    CHECK(shop.replicas("shop:v1") == 3);
    CHECK(shop.replicas("shop:v2") == 2);
    CHECK(shop.reason("Progressing") != "ProgressDeadlineExceeded");

    shop.advance(62s);
    CHECK(shop.reason("Progressing") == "ProgressDeadlineExceeded");
    CHECK(shop.replicas("shop:v1") == 3);

    shop.roll_to("shop:v1");
    CHECK(shop.replicas("shop:v1") == 4);
    CHECK(shop.replicas("shop:v2") == 0);
    CHECK(shop.reason("Progressing") == "NewReplicaSetAvailable");
}

TEST_CASE("recreating ends the old replicas before the new ones start") {
    Shop shop(R"({"spec": {"strategy": {"type": "Recreate"}}})");
    const std::string old(shop.group("shop:v1").name());
    Object lingering(types::pod(), shop.ns, "lingering");
    lingering.set_controller(shop.group("shop:v1"));
    shop.add(lingering);

    shop.roll_to("shop:v2");
    CHECK(shop.replicas("shop:v1") == 0);
    CHECK(shop.replicas("shop:v2") == 0);
    CHECK(
        shop.deployment().text("/status/serin/waitingFor") ==
        "the replicas of older revisions to end");

    REQUIRE(shop.store.remove(shop.key(types::pod(), "lingering")));  // It ends for a while.
    shop.settle();
    CHECK(shop.replicas("shop:v2") == 0);
    REQUIRE(shop.store.remove(shop.key(types::pod(), "lingering"), {.grace_seconds = 0}));
    shop.settle();
    CHECK(shop.replicas("shop:v2") == 4);
}

TEST_CASE("a paused Deployment takes up no template but follows its size") {
    Shop shop;
    shop.change(R"({"spec": {"paused": true}})");
    CHECK(shop.reason("Progressing") == "DeploymentPaused");
    shop.roll_to("shop:v2");
    CHECK(shop.group("shop:v2").is_empty());

    shop.change(R"({"spec": {"replicas": 6}})");
    CHECK(shop.replicas("shop:v1") == 6);

    shop.change(R"({"spec": {"paused": false}})");
    CHECK(shop.replicas("shop:v2") == 6);
    CHECK(shop.replicas("shop:v1") == 0);
}

TEST_CASE("paused in mid-update, both versions keep their share of a new size") {
    Shop shop(R"({"spec": {"replicas": 8,
        "strategy": {"rollingUpdate": {"maxSurge": 2, "maxUnavailable": 0}}}})");
    shop.kubelet.broken_image = "shop:v2";
    shop.roll_to("shop:v2");
    REQUIRE(shop.replicas("shop:v1") == 8);
    REQUIRE(shop.replicas("shop:v2") == 2);
    shop.change(R"({"spec": {"paused": true}})");
    shop.change(R"({"spec": {"replicas": 18}})");
    CHECK(shop.replicas("shop:v1") == 16);
    CHECK(shop.replicas("shop:v2") == 4);
}

TEST_CASE("old ReplicaSets are kept for going back, as many as asked for") {
    Shop shop(R"({"spec": {"revisionHistoryLimit": 1}})");
    for (const char* image : {"shop:v2", "shop:v3", "shop:v4"}) {
        shop.roll_to(image);
        shop.advance(1s);
    }
    CHECK(shop.group("shop:v1").is_empty());
    CHECK(shop.group("shop:v2").is_empty());
    CHECK_FALSE(shop.group("shop:v3").is_empty());
}

TEST_CASE("a Deployment at rest writes nothing, also after a restart of the program") {
    Shop shop;
    shop.roll_to("shop:v2");
    const std::string version(shop.deployment().resource_version());
    shop.advance(1h);
    shop.restart();
    shop.advance(1h);
    CHECK(shop.deployment().resource_version() == version);
}

TEST_CASE("why a revision was made is kept with it") {
    Shop shop;
    shop.roll_to("shop:v2");
    shop.change(R"({"metadata": {"annotations": {"kubernetes.io/change-cause": "faster"}}})");
    CHECK(shop.group("shop:v2").annotation("kubernetes.io/change-cause") == "faster");
    CHECK_FALSE(shop.group("shop:v1").annotation("kubernetes.io/change-cause"));
}
