#include <doctest/doctest.h>

#include "analysis_world.h"

using namespace serin;
using namespace serin::control;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view steady = R"({"metrics": [{"name": "m", "interval": "10s",
    "successCondition": "result[0] >= 0.95", "provider": {"plugin": {"test": {}}}}]})";

}  // namespace

TEST_CASE("a run with one measurement ends with it, in one write") {
    AnalysisWorld world;
    world.source.answer(0.99);
    world.create(R"({"metrics": [{"name": "m", "successCondition": "result[0] >= 0.95",
                     "provider": {"plugin": {"test": {"a": 1}}}}]})");
    CHECK(json::same(world.run().document().at("status"), parsed(R"({
        "phase": "Successful",
        "metricResults": [{
            "name": "m", "phase": "Successful", "count": 1, "successful": 1,
            "consecutiveSuccess": 1,
            "measurements": [{"phase": "Successful", "value": "[0.990000]",
                "startedAt": "1970-01-12T13:46:40Z", "finishedAt": "1970-01-12T13:46:40Z",
                "metadata": {"verdict": "successCondition \"result[0] >= 0.95\" is true"}}]}],
        "startedAt": "1970-01-12T13:46:40Z",
        "completedAt": "1970-01-12T13:46:40Z",
        "runSummary": {"count": 1, "successful": 1}})")));
    CHECK(world.source.asked.at(0).provider == "test");
    CHECK(world.source.asked.at(0).config.at("a") == 1);
    CHECK(
        world.events_seen() ==
        std::vector<std::string>{
            "Normal AnalysisRunSuccessful: Analysis Completed. Result: Successful",
            "Normal MetricSuccessful: Metric 'm' Completed. Result: Successful"});
}

TEST_CASE("measurements come with the interval, and a failure ends the run") {
    AnalysisWorld world;
    world.source.answer(0.99);
    world.source.answer(0.97);
    world.source.answer(0.50);
    world.create(steady);
    CHECK(world.phase() == "Running");
    world.advance(9s);
    CHECK(world.source.asked.size() == 1);
    world.advance(1s);
    CHECK(world.source.asked.size() == 2);
    CHECK(world.source.asked[1].previous == world.source.asked[0].now);
    CHECK(world.phase() == "Running");
    world.advance(10s);
    CHECK(world.phase() == "Failed");
    CHECK(world.message() == "Metric \"m\" assessed Failed due to failed (1) > failureLimit (0)");
    world.advance(1h);
    CHECK(world.source.asked.size() == 3);
    CHECK(
        world.events_seen() == std::vector<std::string>{
                                   "Warning AnalysisRunFailed: Analysis Completed. Result: Failed",
                                   "Warning MetricFailed: Metric 'm' Completed. Result: Failed"});
}

TEST_CASE("nothing is written while nothing happens") {
    AnalysisWorld world;
    world.create(R"({"metrics": [{"name": "m", "interval": "1h",
                     "provider": {"plugin": {"test": {}}}}]})");
    const std::string version(world.run().resource_version());
    world.advance(59min);
    CHECK(world.run().resource_version() == version);
}

TEST_CASE("the interval is exact although the status has whole seconds") {
    AnalysisWorld world;
    world.advance(900ms);
    world.create(R"({"metrics": [{"name": "m", "interval": "1s",
                     "provider": {"plugin": {"test": {}}}}]})");
    world.advance(10s);
    CHECK(world.source.asked.size() == 11);
}

TEST_CASE("a delayed metric waits") {
    AnalysisWorld world;
    world.create(R"({"metrics": [{"name": "m", "initialDelay": "30s",
                     "provider": {"plugin": {"test": {}}}}]})");
    CHECK(world.phase() == "Running");
    world.advance(29s);
    CHECK(world.source.asked.empty());
    world.advance(1s);
    CHECK(world.phase() == "Successful");
}

TEST_CASE("errors are retried after ten seconds, the fifth in a row ends the run") {
    AnalysisWorld world;
    for (int i = 0; i < 5; ++i)
        world.source.answers.push_back(fail(ErrorKind::unavailable, "connection refused"));
    world.create(R"({"metrics": [{"name": "m", "interval": "1h",
                     "provider": {"plugin": {"test": {}}}}]})");
    world.advance(39s);
    CHECK(world.phase() == "Running");
    world.advance(1s);
    CHECK(world.phase() == "Error");
    CHECK(
        world.message() ==
        "Metric \"m\" assessed Error due to consecutiveErrors (5) > consecutiveErrorLimit (4): "
        "\"Error Message: connection refused\"");
    CHECK_FALSE(world.run().text("/status/completedAt").empty());
}

TEST_CASE("missing data is inconclusive and says so") {
    AnalysisWorld world;
    world.source.answers.push_back(
        MetricSample{.no_data_reason = "12 of at least 30 requests in the last 60s"});
    world.create(steady);
    CHECK(world.phase() == "Inconclusive");
    CHECK(
        world.message() ==
        "Metric \"m\" assessed Inconclusive due to inconclusive (1) > inconclusiveLimit (0): "
        "\"Error Message: 12 of at least 30 requests in the last 60s\"");
}

TEST_CASE("a failed measurement tells its numbers in the run's message") {
    AnalysisWorld world;
    world.source.answers.push_back(MetricSample{
        .result = json::Array{0.75},
        .value = "[0.75]",
        .summary = "success rate 0.75 over 20 requests in 1.9s"});
    world.create(R"({"metrics": [{"name": "m", "successCondition": "result[0] >= 0.95",
                     "provider": {"plugin": {"test": {}}}}]})");
    CHECK(world.phase() == "Failed");
    CHECK(
        world.message() ==
        "Metric \"m\" assessed Failed due to failed (1) > failureLimit (0): "
        "\"Error Message: success rate 0.75 over 20 requests in 1.9s\"");
}

TEST_CASE("terminating a run ends it and what is in flight") {
    AnalysisWorld world;
    world.source.is_slow = true;
    world.create(steady);
    CHECK(world.phase() == "Running");
    REQUIRE(world.store.patch(
        world.key(), PatchKind::merge, parsed(R"({"spec": {"terminate": true}})")));
    world.settle();
    CHECK(world.phase() == "Successful");
    CHECK(world.message() == "Run Terminated");
    CHECK(world.source.ended == 1);
}

TEST_CASE("a failing metric ends its siblings in flight") {
    AnalysisWorld world;
    world.source.is_slow = true;
    world.create(R"({"metrics": [
        {"name": "a", "failureCondition": "true", "provider": {"plugin": {"test": {}}}},
        {"name": "b", "provider": {"plugin": {"test": {}}}}]})");
    REQUIRE(world.source.waiting.size() == 2);
    world.source.waiting[0](MetricSample{.result = json::Array{1.0}, .value = "[1]"});
    world.settle();
    CHECK(world.phase() == "Failed");
    CHECK(world.source.ended == 2);
    CHECK(json::array(world.run().find("/status/metricResults"))->size() == 1);
}

TEST_CASE("after a restart the schedule goes on and what was in flight is measured again") {
    AnalysisWorld world;
    world.create(steady);
    world.advance(4s);
    world.boot();
    world.advance(5s);
    CHECK(world.source.asked.size() == 1);
    world.advance(1s);
    CHECK(world.source.asked.size() == 2);
    CHECK(world.source.asked[1].started == world.source.asked[0].started);

    world.source.is_slow = true;
    world.advance(10s);
    CHECK(world.source.waiting.size() == 1);
    world.boot();
    CHECK(world.source.waiting.size() == 2);
    CHECK(world.run().find("/status/metricResults/0/count")->as_int64() == 2);
}

TEST_CASE("a measurement survives writes that fail") {
    AnalysisWorld world;
    int failures = 3;
    world.ground->set_faults([&](const ObjectKey& key) -> std::optional<store::WriteFault> {
        if (key.type != &types::analysis_run() || world.source.asked.empty() || failures == 0)
            return std::nullopt;
        --failures;
        return store::WriteFault{.error = {ErrorKind::unavailable, "disk full"}};
    });
    world.create(steady);
    world.advance(1s);
    CHECK(world.source.asked.size() == 1);
    CHECK(world.run().find("/status/metricResults/0/count")->as_int64() == 1);
}

TEST_CASE("a change in between is kept: the write is repeated on what is there") {
    AnalysisWorld world;
    world.source.is_slow = true;
    world.create(steady);
    REQUIRE(world.store.patch(
        world.key(), PatchKind::merge, parsed(R"({"metadata": {"labels": {"x": "y"}}})")));
    world.source.waiting.at(0)(MetricSample{.result = json::Array{1.0}, .value = "[1]"});
    world.settle();
    CHECK(world.run().label("x") == "y");
    CHECK(world.run().find("/status/metricResults/0/count")->as_int64() == 1);
}

TEST_CASE("old measurements are dropped, counts stay") {
    AnalysisWorld world;
    world.create(R"({"metrics": [{"name": "m", "interval": "1s",
        "provider": {"plugin": {"test": {}}}}, {"name": "short", "interval": "1s",
        "provider": {"plugin": {"test": {}}}}],
        "measurementRetention": [{"metricName": "sho", "limit": 2}]})");
    world.advance(20s);
    const Object run = world.run();
    CHECK(run.find("/status/metricResults/0/measurements")->as_array().size() == 10);
    CHECK(run.find("/status/metricResults/1/measurements")->as_array().size() == 2);
    CHECK(run.find("/status/metricResults/0/count")->as_int64() == 21);
}

TEST_CASE("dry-run metrics fail without consequences") {
    AnalysisWorld world;
    world.create(R"({"metrics": [{"name": "m", "failureCondition": "true",
        "provider": {"plugin": {"test": {}}}}], "dryRun": [{"metricName": ".*"}]})");
    CHECK(world.phase() == "Successful");
    const Object run = world.run();
    CHECK(run.find("/status/metricResults/0/dryRun")->as_bool());
    CHECK(run.text("/status/metricResults/0/phase") == "Failed");
    CHECK(run.find("/status/dryRunSummary/failed")->as_int64() == 1);
}

TEST_CASE("a spec that cannot be measured ends in an error that says why") {
    const auto message = [](std::string_view spec) {
        AnalysisWorld world;
        world.create(spec);
        CHECK(world.phase() == "Error");
        CHECK(world.run().text("/status/completedAt").empty());
        return world.message();
    };
    CHECK(
        message(R"({"metrics": [{"name": "m", "provider": {"datadog": {}}}]})") ==
        "Analysis spec invalid: metrics[0]: provider datadog is not supported");
    CHECK(
        message(
            R"({"metrics": [{"name": "m", "provider": {"plugin": {"test": {"wrong": 1}}}}]})") ==
        "Analysis spec invalid: metrics[0]: test: wrong: unknown field");
    CHECK(
        message(
            R"({"metrics": [{"name": "m", "count": 3, "provider": {"plugin": {"test": {}}}}]})") ==
        "Analysis spec invalid: metrics[0]: interval must be specified when count > 1");
    CHECK(
        message(R"({"metrics": [{"name": "m", "provider": {"plugin": {"test": {}}}},
                                  {"name": "m", "provider": {"plugin": {"test": {}}}}]})") ==
        "Analysis spec invalid: metrics[1]: duplicate name 'm'");
    CHECK(message(R"({"metrics": [{"name": "{{args.x}}", "provider": {"plugin": {"test": {}}}}]})")
              .starts_with("Unable to resolve metric arguments: failed to resolve {{args.x}}"));
    CHECK(
        message(
            R"({"args": [{"name": "x"}], "metrics": [{"name": "m", "provider": {"plugin": {"test": {}}}}]})") ==
        "Unable to resolve metric arguments: args.x was not resolved");
    CHECK(
        message(R"({"dryRun": [{"metricName": "other"}],
                      "metrics": [{"name": "m", "provider": {"plugin": {"test": {}}}}]})") ==
        "dryRun[0]: Rule didn't match any metric name(s)");
    CHECK(message(R"({"dryRun": [{"metricName": "*"}],
                      "metrics": [{"name": "m", "provider": {"plugin": {"test": {}}}}]})")
              .starts_with("dryRun[0]: "));
}

TEST_CASE("arguments are filled in, numbers included") {
    AnalysisWorld world;
    world.create(
        R"({"args": [{"name": "limit", "value": "2"}, {"name": "service", "value": "shop"}],
        "metrics": [{"name": "m", "interval": "10s", "failureLimit": "{{args.limit}}",
        "failureCondition": "true",
        "provider": {"plugin": {"test": {"query": "rate of {{ args.service }}"}}}}]})");
    CHECK(world.source.asked.at(0).config.at("query") == "rate of shop");
    world.advance(10s);
    CHECK(world.phase() == "Running");
    world.advance(10s);
    CHECK(world.phase() == "Failed");
}

TEST_CASE("secrets are read at each measurement and never written") {
    AnalysisWorld world;
    Object secret(types::secret(), world.ns, "token");
    secret.put("/data", parsed(R"({"key": "aHVudGVyMg=="})"));
    world.add(secret);
    world.source.answers.push_back(fail(ErrorKind::unavailable, "denied for hunter2"));
    world.create(
        R"({"args": [{"name": "t", "valueFrom": {"secretKeyRef": {"name": "token", "key": "key"}}}],
        "metrics": [{"name": "m", "provider": {"plugin": {"test": {"auth": "Bearer {{args.t}}"}}}}]})");
    CHECK(world.source.asked.at(0).config.at("auth") == "Bearer hunter2");
    CHECK(world.run().text("/status/metricResults/0/measurements/0/message") == "denied for *****");

    REQUIRE(world.store.patch(
        {.type = &types::secret(), .ns = world.ns, .name = "token"},
        PatchKind::merge,
        parsed(R"({"data": {"key": "bmV3"}})")));
    world.advance(10s);
    CHECK(world.source.asked.at(1).config.at("auth") == "Bearer new");
    CHECK_FALSE(json::print(world.run().document()).contains("hunter2"));
}

TEST_CASE("a secret that is not there ends the run") {
    AnalysisWorld world;
    world.create(
        R"({"args": [{"name": "t", "valueFrom": {"secretKeyRef": {"name": "none", "key": "k"}}}],
        "metrics": [{"name": "m", "provider": {"plugin": {"test": {"auth": "{{args.t}}"}}}}]})");
    CHECK(world.phase() == "Error");
    CHECK(world.message().starts_with("Unable to resolve metric arguments: secret \"none\""));
}

TEST_CASE("completed runs are deleted after their time to live") {
    AnalysisWorld world;
    world.create(R"({"metrics": [{"name": "m", "provider": {"plugin": {"test": {}}}}],
                     "ttlStrategy": {"secondsAfterSuccess": 30}})");
    world.advance(30s);
    CHECK(world.phase() == "Successful");
    world.advance(1s);
    CHECK(world.store.get(world.key()).error().kind == ErrorKind::not_found);
}

TEST_CASE("news lead to an early look, which counts only if it ends the metric") {
    AnalysisWorld world;
    world.source.has_news = true;
    world.create(steady);
    REQUIRE(world.source.watchers.contains("m"));
    world.advance(2s);
    world.source.watchers.at("m")();
    world.settle();
    CHECK(world.source.early.size() == 1);
    CHECK(world.run().find("/status/metricResults/0/count")->as_int64() == 1);
    world.advance(8s);  // The interval went on meanwhile.
    CHECK(world.source.asked.size() == 2);

    world.advance(1s);
    world.source.answer(0.2);
    world.source.watchers.at("m")();
    world.settle();
    CHECK(world.phase() == "Failed");
    CHECK(world.run().text("/status/metricResults/0/measurements/2/metadata/early") == "true");
    CHECK(world.source.watchers.empty());
}

TEST_CASE("failures that are to be tolerated keep their interval") {
    AnalysisWorld world;
    world.source.has_news = true;
    world.create(R"({"metrics": [{"name": "m", "interval": "10s", "failureLimit": 1,
        "successCondition": "result[0] >= 0.95", "provider": {"plugin": {"test": {}}}}]})");
    CHECK(world.source.watchers.empty());
    world.source.answer(0.2);
    world.advance(10s);
    CHECK(world.phase() == "Running");
    REQUIRE(world.source.watchers.contains("m"));  // The next failure is one too many.
    world.source.answer(0.2);
    world.source.watchers.at("m")();
    world.settle();
    CHECK(world.phase() == "Failed");
}

TEST_CASE("the candidate is the run's label, the stable side its Rollout's") {
    AnalysisWorld world;
    Object rollout(types::rollout(), world.ns, "shop");
    rollout.put("/spec", parsed(R"({"strategy": {"canary": {"canaryService": "shop-canary",
                                    "stableService": "shop-stable"}}})"));
    auto stored = world.store.create(rollout);
    REQUIRE(stored);
    stored->put("/status", parsed(R"({"stableRS": "aaa"})"));
    stored = world.store.update(*stored, Part::status);
    REQUIRE(stored);

    Object run(types::analysis_run(), world.ns, "run");
    run.put("/spec", parsed(steady));
    run.set_label("rollouts-pod-template-hash", "bbb");
    run.set_controller(*stored);
    world.add(run);
    world.settle();
    const MetricQuery& query = world.source.asked.at(0);
    CHECK(query.candidate.revision == "bbb");
    CHECK(query.candidate.service == "shop-canary");
    CHECK(query.stable.revision == "aaa");
    CHECK(query.stable.service == "shop-stable");
}

TEST_CASE("services that alternate are measured in their present roles") {
    for (const bool is_ping_stable : {false, true}) {
        AnalysisWorld world;
        Object rollout(types::rollout(), world.ns, "shop");
        rollout.put("/spec", parsed(R"({"strategy": {"canary": {"pingPong":
            {"pingService": "shop-a", "pongService": "shop-b"}}}})"));
        auto stored = world.store.create(rollout);
        REQUIRE(stored);
        if (is_ping_stable) {
            stored->put("/status", parsed(R"({"canary": {"stablePingPong": "ping"}})"));
            stored = world.store.update(*stored, Part::status);
            REQUIRE(stored);
        }
        Object run(types::analysis_run(), world.ns, "run");
        run.put("/spec", parsed(steady));
        run.set_controller(*stored);
        world.add(run);
        world.settle();
        const MetricQuery& query = world.source.asked.at(0);
        CHECK(query.candidate.service == (is_ping_stable ? "shop-b" : "shop-a"));
        CHECK(query.stable.service == (is_ping_stable ? "shop-a" : "shop-b"));
    }
}
