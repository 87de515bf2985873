#include "manifest/argo/lowered_memory.h"

#include <doctest/doctest.h>

using namespace serin;
using namespace serin::argo;

namespace {

Object rollout(const char* more = "{}") {
    Object object(types::rollout(), "default", "shop");
    object.put("/metadata/uid", "one");
    object.put("/metadata/generation", 1);
    object.put("/spec", *json::parse(R"({"replicas": 3, "strategy": {"canary": {
        "pingPong": {"pingService": "shop-a", "pongService": "shop-b"},
        "trafficRouting": {"plugins": {"argoproj-labs/gatewayAPI": {"httpRoute": "shop"}}},
        "steps": [{"setWeight": 20}]}}})"));
    const json::Value changes = *json::parse(more);
    for (const auto& change : *json::object(&changes)) object.put(change.key(), change.value());
    return object;
}

}  // namespace

TEST_CASE("a changed Rollout is followed at once") {
    LoweredMemory memory;
    CHECK(memory.of(rollout()).replicas == 3);
    CHECK(memory.of(rollout()).replicas == 3);
    CHECK(memory.of(rollout()).candidate_service == "shop-a");
    CHECK(memory.of(rollout(R"({"/metadata/generation": 2, "/spec/replicas": 5})")).replicas == 5);
    // Deleted and made again under its name, it begins to count anew.
    CHECK(memory.of(rollout(R"({"/metadata/uid": "two", "/spec/replicas": 7})")).replicas == 7);
    CHECK(memory.of(rollout()).replicas == 3);
}

TEST_CASE("what stands in the status, or in another object, counts too") {
    LoweredMemory memory;
    CHECK(memory.of(rollout()).stable_service == "shop-b");
    CHECK(
        memory.of(rollout(R"({"/status/canary/stablePingPong": "ping"})")).stable_service ==
        "shop-a");
    CHECK(memory.of(rollout()).stable_service == "shop-b");

    // Labels of another object's template get in the way of the canary's, and then do not.
    const char* clashing = R"({"/spec/workloadRef": {"kind": "Deployment", "name": "shop"},
        "/spec/strategy/canary/canaryMetadata": {"labels": {"role": "canary"}},
        "/spec/template": {"metadata": {"labels": {"role": "web"}}}})";
    const char* plain = R"({"/spec/workloadRef": {"kind": "Deployment", "name": "shop"},
        "/spec/strategy/canary/canaryMetadata": {"labels": {"role": "canary"}},
        "/spec/template": {"metadata": {"labels": {"app": "shop"}}}})";
    CHECK_FALSE(memory.of(rollout(clashing)).diagnostics.empty());
    CHECK(memory.of(rollout(plain)).diagnostics.empty());
}
