#include "cli/release_metrics.h"

#include "base/json.h"
#include "ports/manual_loop.h"
#include "ports/object.h"
#include "server/exposition.h"
#include "store/memory.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace serin::cli {

namespace {

Object read(std::string_view text) {
    auto value = json::parse(text);
    REQUIRE(value);
    return Object(std::move(value->get_object()));
}

struct World {
    // Statuses are written apart, as controllers do.
    void put(std::string_view text, std::string_view status) {
        auto created = store.create(read(text));
        REQUIRE(created);
        auto value = json::parse(status);
        REQUIRE(value);
        created->put("/status", *value);
        REQUIRE(store.update(*created, Part::status));
    }
    std::string text() const {
        server::Exposition out;
        add_release_metrics(store, out);
        return out.text();
    }

    ManualLoop loop;
    store::MemoryStore store{loop};
};

bool has(const std::string& text, std::string_view line) {
    return text.find("\n" + std::string(line) + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("dashboards for Argo Rollouts find a release under the names they know") {
    World world;
    world.put(
        R"({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
            "metadata": {"name": "shop", "namespace": "eu"},
            "spec": {"replicas": 4, "strategy": {"canary": {
              "steps": [{"setWeight": 20}, {"pause": {}}],
              "trafficRouting": {"plugins": {"argoproj-labs/gatewayAPI": {"httpRoute": "shop"}}}}}}})",
        R"({"replicas": 5, "availableReplicas": 4, "updatedReplicas": 1, "currentStepIndex": 1,
            "conditions": [{"type": "Progressing", "status": "Unknown", "reason": "RolloutPaused"}],
            "canary": {"weights": {"canary": {"weight": 20}, "stable": {"weight": 80},
                       "verified": true}}})");
    const std::string text = world.text();
    CHECK(
        has(text,
            R"(rollout_info{namespace="eu",name="shop",strategy="canary",)"
            R"(traffic_router="argoproj-labs/gatewayAPI",phase="Paused"} 1)"));
    CHECK(has(text, R"(rollout_info_replicas_desired{namespace="eu",name="shop"} 4)"));
    CHECK(has(text, R"(rollout_info_replicas_unavailable{namespace="eu",name="shop"} 1)"));
    CHECK(has(text, R"(rollout_info_replicas_updated{namespace="eu",name="shop"} 1)"));
    CHECK(has(text, R"(serin_rollout_weight{namespace="eu",name="shop",side="canary"} 20)"));
    CHECK(has(text, R"(serin_rollout_weight_in_force{namespace="eu",name="shop"} 1)"));
    CHECK(has(text, R"(serin_rollout_step{namespace="eu",name="shop"} 1)"));
    CHECK(has(text, R"(serin_rollout_steps{namespace="eu",name="shop"} 2)"));
}

TEST_CASE("a release that is taken back or cannot be followed is told as Argo tells it") {
    World world;
    world.put(
        R"({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
            "metadata": {"name": "a", "namespace": "eu"},
            "spec": {"strategy": {"blueGreen": {"activeService": "a"}}}})",
        R"({"conditions": [{"type": "Progressing", "reason": "RolloutAborted"}]})");
    world.put(
        R"({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
            "metadata": {"name": "b", "namespace": "eu"},
            "spec": {"strategy": {"canary": {"trafficRouting": {"nginx": {}}}}}})",
        R"({"conditions": [{"type": "InvalidSpec", "status": "True"}]})");
    const std::string text = world.text();
    CHECK(has(
        text,
        R"(rollout_info{namespace="eu",name="a",strategy="blueGreen",traffic_router="",phase="Abort"} 1)"));
    CHECK(
        has(text,
            R"(rollout_info{namespace="eu",name="b",strategy="canary",traffic_router="Nginx",)"
            R"(phase="InvalidSpec"} 1)"));
}

TEST_CASE("analyses tell each metric with its provider") {
    World world;
    world.put(
        R"({"apiVersion": "argoproj.io/v1alpha1", "kind": "AnalysisRun",
            "metadata": {"name": "run", "namespace": "eu"},
            "spec": {"metrics": [
              {"name": "errors", "provider": {"prometheus": {"query": "up"}}},
              {"name": "judge", "provider": {"plugin": {"serin/sequential": {}}}}]}})",
        R"({"phase": "Running", "metricResults": [
              {"name": "errors", "phase": "Successful"},
              {"name": "judge", "phase": "Running", "dryRun": true}]})");
    const std::string text = world.text();
    CHECK(has(text, R"(analysis_run_info{namespace="eu",name="run",phase="Running"} 1)"));
    CHECK(has(
        text,
        R"(analysis_run_metric_phase{namespace="eu",name="run",metric="errors",type="Prometheus",)"
        R"(dry_run="false",phase="Successful"} 1)"));
    CHECK(
        has(text,
            R"(analysis_run_metric_phase{namespace="eu",name="run",metric="judge",)"
            R"(type="serin/sequential",dry_run="true",phase="Running"} 1)"));
}

TEST_CASE("metrics of releases that are kept follow every change") {
    World world;
    ReleaseMetrics kept(world.store);
    CHECK(kept.text() == world.text());
    world.put(
        R"({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
            "metadata": {"name": "shop", "namespace": "eu"}, "spec": {"replicas": 4}})",
        R"({"replicas": 4, "availableReplicas": 3})");
    CHECK(kept.text() == world.text());
    CHECK(has(kept.text(), R"(rollout_info_replicas_available{namespace="eu",name="shop"} 3)"));
    const ObjectKey key{&types::rollout(), "eu", "shop"};
    Object changed = world.store.get(key).value();
    changed.put("/status/availableReplicas", 4);
    REQUIRE(world.store.update(changed, Part::status));
    CHECK(kept.text() == world.text());
    REQUIRE(world.store.remove(key));
    CHECK(kept.text() == world.text());
}

}  // namespace serin::cli
