#include "cli/experiment_view.h"

#include <doctest/doctest.h>

namespace serin::cli {

namespace {

Object object(std::string_view text) {
    return Object(json::parse(text).value().get_object());
}

const Instant now = parse_time("2026-01-01T00:10:00Z").value();

ExperimentFamily two_versions() {
    ExperimentFamily family;
    family.experiment = object(R"({"apiVersion":"argoproj.io/v1alpha1","kind":"Experiment",
        "metadata":{"name":"ab","namespace":"default","uid":"e",
                    "creationTimestamp":"2026-01-01T00:08:00Z"},
        "spec":{"duration":"5m"},
        "status":{"phase":"Running","availableAt":"2026-01-01T00:09:00Z"}})");
    family.replica_sets.push_back(object(R"({"apiVersion":"apps/v1","kind":"ReplicaSet",
        "metadata":{"name":"ab-canary","uid":"s","generation":1,
            "creationTimestamp":"2026-01-01T00:08:00Z",
            "ownerReferences":[{"uid":"e","controller":true}],
            "annotations":{"experiment.argoproj.io/template-name":"canary"}},
        "spec":{"replicas":1,"template":{"spec":{"containers":[{"image":"web:v2"}]}}},
        "status":{"observedGeneration":1,"replicas":1,"availableReplicas":1}})"));
    family.pods.push_back(object(R"({"apiVersion":"v1","kind":"Pod",
        "metadata":{"name":"ab-canary-x","uid":"p","creationTimestamp":"2026-01-01T00:08:00Z",
            "ownerReferences":[{"uid":"s","controller":true}]},
        "spec":{"containers":[{}]},
        "status":{"phase":"Running","containerStatuses":[{"ready":true,"restartCount":0,
            "state":{"running":{}}}]}})"));
    family.analysis_runs.push_back(object(R"({"apiVersion":"argoproj.io/v1alpha1",
        "kind":"AnalysisRun","metadata":{"name":"ab-smoke","uid":"a",
            "creationTimestamp":"2026-01-01T00:09:00Z",
            "ownerReferences":[{"uid":"e","controller":true}]},
        "status":{"phase":"Running"}})"));
    family.jobs.push_back(object(R"({"apiVersion":"batch/v1","kind":"Job",
        "metadata":{"name":"a.smoke.1","uid":"j","creationTimestamp":"2026-01-01T00:09:00Z",
            "ownerReferences":[{"uid":"a","controller":true}]}})"));
    return family;
}

}  // namespace

TEST_CASE("an experiment is a tree of its templates, pods, analysis runs and their jobs") {
    CHECK(
        render_experiment(two_versions(), now) ==
        "Name:            ab\n"
        "Namespace:       default\n"
        "Status:          ◌ Running\n"
        "Duration:        5m0s\n"
        "Remaining:       4m\n"
        "Images:          web:v2\n"
        "\n"
        "NAME                 KIND         STATUS     AGE  INFO\n"
        "Σ ab                 Experiment   ◌ Running  2m\n"
        "├──⧉ ab-canary       ReplicaSet   ✔ Healthy  2m   template:canary\n"
        "│  └──□ ab-canary-x  Pod          ✔ Running  2m   ready:1/1\n"
        "└──α ab-smoke        AnalysisRun  ◌ Running  60s\n"
        "   └──⊞ a.smoke.1    Job          ◌ Running  60s\n");
}

TEST_CASE("what is left of an experiment counts from when all its replicas were there") {
    Object experiment = two_versions().experiment;
    CHECK(experiment_remaining(experiment, now) == "4m");
    CHECK(experiment_remaining(experiment, now + std::chrono::minutes(9)) == "0s");
    experiment.put("/status/phase", "Successful");
    CHECK(experiment_remaining(experiment, now).empty());
    CHECK(experiment_duration(experiment) == "5m0s");
}

}  // namespace serin::cli
