#include "node/pod_facts.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "world.h"
#include <algorithm>
#include <set>
#include <signal.h>

namespace serin::node {

namespace {

const ObjectKey set_key{.type = &types::replica_set(), .ns = "default", .name = "shop-7d9f"};

Object make_set(World& world, int replicas, const std::string& more = "") {
    return world.apply(fmt::format(
        R"({{"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {{"name": "shop-7d9f"}},
             "spec": {{"replicas": {}, {} "selector": {{"matchLabels": {{"app": "shop"}}}},
             "template": {{"metadata": {{"labels": {{"app": "shop"}}, "annotations": {{"note": "x"}}}},
             "spec": {{"containers": [{{"name": "main", "image": "shop:v1",
                 "ports": [{{"containerPort": 8080}}]}}]}}}}}}}})",
        replicas,
        more));
}

Object set_of(World& world) {
    return world.store.get(set_key).value();
}

void scale(World& world, int replicas) {
    json::Object patch;
    json::put(patch, "/spec/replicas", replicas);
    REQUIRE(world.store.patch(set_key, PatchKind::merge, patch));
}

bool has_ready(World& world, int count) {
    return set_of(world).integer("/status/readyReplicas", -1) == count;
}

}  // namespace

TEST_CASE("a replica set has its pods, each at its own place, and says so") {
    World world;
    world.make_image("shop", "v1", "exec sleep 300");
    world.start_node();
    const Object set = make_set(world, 3);
    REQUIRE(world.until([&] { return has_ready(world, 3); }));

    std::set<std::string, std::less<>> names;
    std::set<std::string, std::less<>> places;
    for (const Object& pod : world.pods()) {
        names.insert(std::string(pod.name()));
        places.insert(std::string(pod.text("/status/podIP")));
        places.insert(std::string(*pod.annotation("serin.dev/ports")));
        CHECK(pod.controller_uid() == set.uid());
        CHECK(pod.label("app") == "shop");
        CHECK(pod.annotation("note") == "x");
        CHECK(pod.name().starts_with("shop-7d9f-"));
        CHECK(pod.name().size() == std::string_view("shop-7d9f-").size() + 5);
    }
    CHECK(names.size() == 3);
    CHECK(places.size() == 6);
    const Object seen = set_of(world);
    CHECK(seen.integer("/status/replicas") == 3);
    CHECK(seen.integer("/status/fullyLabeledReplicas") == 3);
    CHECK(seen.integer("/status/availableReplicas") == 3);
    CHECK(seen.integer("/status/observedGeneration") == seen.generation());

    scale(world, 1);
    CHECK(world.until([&] { return world.pods().size() == 1; }));
    CHECK(world.until([&] { return set_of(world).integer("/status/replicas") == 1; }));
    scale(world, 0);
    CHECK(world.until([&] { return world.pods().empty(); }));
}

TEST_CASE("a pod that is deleted is replaced while it still ends") {
    World world;
    world.make_image("shop", "v1", "trap '' TERM; while :; do sleep 0.02; done");
    world.start_node();
    make_set(world, 1);
    REQUIRE(world.until([&] { return has_ready(world, 1); }));
    const Object first = world.pods().front();
    REQUIRE(world.store.remove(first.key()));
    CHECK(world.until([&] { return world.pods().size() == 2; }));
    CHECK(world.until([&] { return has_ready(world, 1); }));
    CHECK(set_of(world).integer("/status/replicas") == 1);
}

TEST_CASE("availability waits for minReadySeconds") {
    World world;
    world.make_image("shop", "v1", "exec sleep 300");
    world.start_node();
    make_set(world, 1, R"("minReadySeconds": 10,)");
    REQUIRE(world.until([&] { return has_ready(world, 1); }));
    CHECK(set_of(world).integer("/status/availableReplicas", -1) == 0);
    world.loop.advance(std::chrono::seconds(9));
    CHECK(set_of(world).integer("/status/availableReplicas", -1) == 0);
    world.loop.advance(std::chrono::seconds(1));
    CHECK(set_of(world).integer("/status/availableReplicas", -1) == 1);
}

TEST_CASE("what is not ready goes first") {
    World world;
    world.make_image("shop", "v1", "echo $POD_NAME >> ../up; exec sleep 300");
    world.start_node();
    make_set(world, 2);
    REQUIRE(world.until([&] { return has_ready(world, 2); }));
    world.loop.advance(std::chrono::seconds(5));
    const Object broken = world.pods().front();
    Object changed = broken;
    changed.erase("/metadata/resourceVersion");
    json::Object patch;
    json::put(patch, "/spec/readinessGates", json::Array{json::Object{{"conditionType", "x"}}});
    REQUIRE(world.store.patch(broken.key(), PatchKind::merge, patch));
    REQUIRE(world.until([&] { return has_ready(world, 1); }));
    scale(world, 1);
    CHECK(world.until([&] { return world.pods().size() == 1; }));
    CHECK(world.pods().front().name() != broken.name());
}

TEST_CASE("a matching pod without an owner is adopted instead of making another") {
    World world;
    world.make_image("shop", "v1", "exec sleep 300");
    world.start_node();
    world.make_pod(R"("image": "shop:v1")");
    const Object set = make_set(world, 1);
    REQUIRE(world.until([&] { return has_ready(world, 1); }));
    REQUIRE(world.pods().size() == 1);
    CHECK(world.pod().controller_uid() == set.uid());
}

TEST_CASE("a pod that cannot be created is told in the status until it can") {
    World world;
    world.make_image("shop", "v1", "exec sleep 300");
    world.store.set_faults(
        {.on_write = [](const ObjectKey& key) -> std::optional<store::WriteFault> {
            if (key.type != &types::pod()) return std::nullopt;
            return store::WriteFault{.error = {ErrorKind::unavailable, "the disk is full"}};
        }});
    world.start_node();
    make_set(world, 1);
    REQUIRE(world.until(
        [&] { return set_of(world).text("/status/conditions/0/type") == "ReplicaFailure"; }));
    CHECK(set_of(world).text("/status/conditions/0/message").contains("the disk is full"));
    world.store.set_faults({});
    CHECK(world.until_in_time([&] { return has_ready(world, 1); }));
    CHECK(set_of(world).find("/status/conditions/0") == nullptr);
}

TEST_CASE("writes that fail or whose answers get lost make no pod too many and none twice") {
    World world;
    world.make_image("shop", "v1", "exec sleep 300");
    int count = 0;
    world.store.set_faults({.on_write = [&](const ObjectKey&) -> std::optional<store::WriteFault> {
        if (++count % 3 != 0 || count > 60) return std::nullopt;
        return store::WriteFault{
            .error = {ErrorKind::unavailable, "lost"}, .took_effect = count % 2 == 0};
    }});
    world.start_node();
    make_set(world, 3);
    CHECK(world.until_in_time([&] { return has_ready(world, 3); }));
    CHECK(world.pods().size() == 3);
}

TEST_CASE("deleting a replica set ends its pods") {
    World world;
    world.make_image("shop", "v1", "exec sleep 300");
    world.start_node();
    make_set(world, 2);
    REQUIRE(world.until([&] { return has_ready(world, 2); }));
    REQUIRE(world.store.remove(set_key));
    CHECK(world.until([&] { return world.pods().empty(); }));
}

}  // namespace serin::node
