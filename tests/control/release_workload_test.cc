// Rollouts that take their template from another workload, and take its traffic over.

#include <doctest/doctest.h>

#include "small_world.h"
#include <chrono>
#include <string>

using namespace serin;
using namespace serin::control;
using namespace std::chrono_literals;

namespace {

json::Value parsed(const std::string& text) {
    auto value = json::parse(text);
    REQUIRE(value);
    return *std::move(value);
}

// A Deployment that serves with 4 replicas, and a Rollout that is to take over from it.
struct Shop : SmallWorld {
    explicit Shop(
        const std::string& scale_down,
        bool has_deployment = true,
        const std::string& called = "shop-rollout")
        : name(called) {
        if (has_deployment) add_deployment();
        Object rollout(types::rollout(), ns, name);
        rollout.put("/spec", parsed(R"({"replicas": 4, "strategy": {"canary": {}},
            "workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}})"));
        rollout.put("/spec/workloadRef/scaleDown", json::string(scale_down));
        add(rollout);
        settle();
    }
    void add_deployment() {
        Object deployment(types::deployment(), ns, "shop");
        deployment.put(
            "/spec", parsed(R"({"replicas": 4, "selector": {"matchLabels": {"app": "shop"}},
            "template": {"metadata": {"labels": {"app": "shop"}},
                         "spec": {"containers": [{"name": "shop", "image": "shop:v1"}]}}})"));
        add(deployment);
        settle();
    }
    Object release() const { return get(types::rollout(), name); }
    // Kubernetes counts changes of a Deployment's annotations too, which its own controller makes.
    std::string generation() const {
        return std::to_string(get(types::deployment(), "shop").generation());
    }
    std::int64_t left() const { return get(types::deployment(), "shop").integer("/spec/replicas"); }
    void deploy(const std::string& spec) {
        REQUIRE(store.patch(
            key(types::deployment(), "shop"),
            PatchKind::merge,
            json::Object{{"spec", parsed(spec)}}));
        settle();
    }

    std::string name;
};

}  // namespace

TEST_CASE("the template of a Deployment is released, and the Rollout does not keep a copy") {
    Shop shop("never");
    const Object release = shop.release();

    CHECK(release.text("/status/phase") == "Healthy");
    CHECK(release.integer("/status/replicas") == 4);
    CHECK_FALSE(release.find("/spec/template"));
    CHECK_FALSE(release.find("/spec/selector"));
    const std::string seen = shop.generation();
    CHECK(release.text("/status/workloadObservedGeneration") == seen);
    CHECK(release.annotation("rollout.argoproj.io/workload-generation") == seen);
    CHECK(release.text("/status/selector") == "app=shop");
    CHECK(shop.left() == 4);

    shop.deploy(
        R"({"template": {"spec": {"containers": [{"name": "shop", "image": "shop:v2"}]}}})");
    CHECK(shop.generation() != seen);
    CHECK(shop.release().text("/status/workloadObservedGeneration") == shop.generation());
    CHECK(shop.release().annotation("rollout.argoproj.io/revision") == "2");
    CHECK(shop.release().text("/status/phase") == "Healthy");
}

TEST_CASE("the Deployment's replicas go once the Rollout is healthy, and stay gone") {
    for (const char* mode : {"onsuccess", "progressively"}) {
        Shop shop(mode);
        CHECK(shop.release().text("/status/phase") == "Healthy");
        CHECK(shop.left() == 0);
        CHECK(shop.get(types::deployment(), "shop").integer("/status/replicas") == 0);

        shop.deploy(R"({"replicas": 4})");  // As a tool that knows only the old manifest.
        CHECK(shop.left() == 0);
    }
}

TEST_CASE("a Rollout with the Deployment's name finds names of its own for its ReplicaSets") {
    Shop shop("onsuccess", true, "shop");
    CHECK(shop.release().text("/status/phase") == "Healthy");
    CHECK(shop.release().integer("/status/collisionCount") == 1);
    CHECK(shop.release().integer("/status/replicas") == 4);
    CHECK(shop.left() == 0);
}

TEST_CASE("as long as the Rollout has no replicas the Deployment keeps its own") {
    Shop broken("progressively", false);
    broken.kubelet.broken_image = "shop:v1";
    broken.add_deployment();
    CHECK(broken.release().text("/status/phase") == "Progressing");
    CHECK(broken.left() == 4);
}

TEST_CASE("a workload that is not there is an invalid Rollout until it comes") {
    Shop shop("never", false);
    CHECK(shop.release().text("/status/phase") == "Degraded");
    CHECK(
        shop.release().text("/status/message") ==
        "InvalidSpec: The Rollout \"shop-rollout\" is invalid: spec.workloadRef.name: "
        "deployments.apps \"shop\" not found");

    shop.add_deployment();
    CHECK(shop.release().text("/status/phase") == "Healthy");
}

TEST_CASE("a PodTemplate and a ReplicaSet have templates to take too") {
    SmallWorld world;
    Object plain(types::replica_set(), world.ns, "plain");
    plain.put("/spec", parsed(R"({"replicas": 2, "selector": {"matchLabels": {"app": "shop"}},
        "template": {"metadata": {"labels": {"app": "shop", "pod-template-hash": "abc"}},
                     "spec": {"containers": [{"name": "shop", "image": "shop:v1"}]}}})"));
    world.add(plain);
    Object pods(*find_type("", "podtemplates"), world.ns, "pods");
    pods.put("/template", parsed(R"({"metadata": {"labels": {"app": "shop"}},
        "spec": {"containers": [{"name": "shop", "image": "shop:v2"}]}})"));
    world.add(pods);
    for (const char* reference :
         {R"({"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "plain"})",
          R"({"apiVersion": "v1", "kind": "PodTemplate", "name": "pods"})"}) {
        const json::Value workload = parsed(reference);
        const std::string name(*json::text(json::find(workload, "/name")));
        Object rollout(types::rollout(), world.ns, "of-" + name);
        rollout.put("/spec", parsed(R"({"replicas": 2, "strategy": {"canary": {}}})"));
        rollout.put("/spec/workloadRef", workload);
        rollout.put("/spec/workloadRef/scaleDown", "onsuccess");
        world.add(rollout);
        world.settle();
        const Object after = world.get(types::rollout(), "of-" + name);
        CHECK(after.text("/status/phase") == "Healthy");
        CHECK(after.text("/status/selector") == "app=shop");
    }
    CHECK(world.get(types::replica_set(), "plain").integer("/spec/replicas") == 0);
}

TEST_CASE("replicas that a Rollout leaves out are written into it") {
    SmallWorld world;
    world.install("[]");
    world.patch(R"({"spec": {"replicas": null}})");
    world.settle();
    CHECK(world.rollout().integer("/spec/replicas") == 1);
}
