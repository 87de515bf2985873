// Releases that are judged on every request.

#include <doctest/doctest.h>

#include "machine.h"
#include <string>

namespace serin::e2e {

using namespace std::chrono_literals;

namespace {

std::int64_t count(const json::Value& report, std::string_view field) {
    return json::integer(json::find(report, field)).value_or(-1);
}

// Failures only: equal versions have unequal latencies on a machine that is busy with other things.
// And a margin that can be shown in seconds.
void judge_failures(Machine& machine) {
    machine.edit(
        "4-analysis.yaml",
        "timeout: 10m",
        "timeout: 10m\n"
        "            metrics:\n"
        "              - {metric: error-rate, passMargin: {difference: 0.03}}");
}

std::string measured(const json::Value& run, std::string_view field) {
    const auto text =
        json::text(json::find(run, "/status/metricResults/0/measurements/0/" + std::string(field)));
    return std::string(text.value_or(""));
}

std::string step_run(const Machine& machine) {
    const json::Value rollout = machine.get("rollout", "shop");
    const auto name =
        json::text(json::find(rollout, "/status/canary/currentStepAnalysisRunStatus/name"));
    return std::string(name.value_or(""));
}

}  // namespace

TEST_CASE("a healthy version is promoted by evidence, and a broken one stopped at once") {
    Machine machine("evidence");
    judge_failures(machine);
    machine.add_image("broken", {{"SHOP_ERROR_PERCENT", "100"}});
    machine.up();
    REQUIRE(machine.wait_for_phase("Healthy"));
    machine.start_load(300);

    REQUIRE(machine.serin({"set", "image", "shop", "shop=shop:v2"}).code == 0);
    CHECK(machine.serin({"status", "shop", "--timeout", "3m"}).code == 0);
    CHECK(machine.phase() == "Healthy ");

    REQUIRE(machine.serin({"set", "image", "shop", "shop=shop:broken"}).code == 0);
    const Ran aborted = machine.serin({"status", "shop", "--timeout", "2m"});
    CHECK(aborted.code == 2);
    CHECK(aborted.out.contains("the canary is worse than the margin allows"));

    const json::Value report = machine.stop_load("broken");
    MESSAGE("requests that the broken version failed: ", count(report, "/requests_canary"));
    INFO(json::print(report));
    CHECK(count(report, "/requests_canary") > 0);
    CHECK(count(report, "/requests_canary") < 300);
    CHECK(count(report, "/requests_lost") == 0);
}

TEST_CASE("a release that has spent its budget is taken back, whatever the evidence") {
    Machine machine("evidence");
    judge_failures(machine);
    machine.edit("4-analysis.yaml", "failedRequests: 200", "requests: 40");
    machine.up();
    REQUIRE(machine.wait_for_phase("Healthy"));
    machine.start_load(200);
    REQUIRE(machine.serin({"set", "image", "shop", "shop=shop:v2"}).code == 0);
    const Ran aborted = machine.serin({"status", "shop", "--timeout", "2m"});
    CHECK(aborted.code == 2);
    CHECK(aborted.out.contains("the release's budget is exhausted: 40 requests to the canary"));
    CHECK(machine.serin({"evidence", "show", "shop"}).out.contains("budget is exhausted"));
    const json::Value report = machine.stop_load("v2");
    CHECK(count(report, "/requests_canary") >= 40);
    CHECK(count(report, "/requests_lost") == 0);
}

TEST_CASE("killed in the middle of a step, Serin goes on with the evidence it had") {
    Machine machine("evidence");
    machine.edit(
        "4-analysis.yaml",
        "timeout: 10m",
        "timeout: 10m\n            metrics: [{metric: error-rate}]");
    machine.up();
    REQUIRE(machine.wait_for_phase("Healthy"));
    machine.start_load(100);
    REQUIRE(machine.serin({"set", "image", "shop", "shop=shop:v2"}).code == 0);

    const auto index = [&] {
        const std::string text =
            measured(machine.get("analysisrun", step_run(machine)), "metadata/index");
        return text.empty() ? 0 : std::stoll(text);
    };
    REQUIRE(wait_until(60s, [&] { return index() > 500; }));
    const std::string run = step_run(machine);
    machine.kill_serin();
    machine.up();
    // Had it begun anew, its next news would tell of few requests.
    const std::int64_t before = index();
    REQUIRE(wait_until(60s, [&] { return index() != before; }));
    CHECK(index() > before);
    CHECK(step_run(machine) == run);
    const json::Value report = machine.stop_load("v2");
    CHECK(count(report, "/requests_lost") == 0);
}

}  // namespace serin::e2e
