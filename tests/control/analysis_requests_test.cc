#include "control/analysis_controller.h"
#include "control/manager.h"
#include "metrics/requests_source.h"
#include "ports/event_recorder.h"
#include "ports/manual_loop.h"
#include "store/memory.h"

#include <doctest/doctest.h>

#include <string>

using namespace serin;
using namespace serin::control;
using namespace std::chrono_literals;

// Analysis runs on the stream of requests.

namespace {

struct World {
    ManualLoop loop{Instant(1'000'000s)};
    store::MemoryStore store{loop};
    EventRecorder events{store, loop, "test"};
    metrics::RequestWindows windows{loop};
    metrics::RequestsSource source{loop, windows};
    AnalysisController controller{
        loop, store, events, {{std::string(metrics::RequestsSource::provider), &source}}};
    Manager manager{loop, store, {&controller}, {.resync = 0s}};

    World() { manager.start(); }

    void create(std::string_view metric) {
        Object run(types::analysis_run(), "default", "run");
        run.set_label("rollouts-pod-template-hash", "v2");
        run.put("/spec/metrics", json::Array{*json::parse(metric)});
        REQUIRE(store.create(run));
        loop.run_until_idle();
    }
    void requests(int count, int status) {
        const RequestOutcome outcome{
            .at = loop.now(),
            .latency_us = 5000,
            .ns = "default",
            .route = "shop",
            .service = "shop-canary",
            .revision = "v2",
            .status = status};
        for (int i = 0; i < count; ++i) windows.take({&outcome, 1});
        loop.run_until_idle();
    }
    Object run() const {
        const auto stored =
            store.get({.type = &types::analysis_run(), .ns = "default", .name = "run"});
        REQUIRE(stored);
        return *stored;
    }
    std::string phase() const { return std::string(run().text("/status/phase")); }
};

constexpr std::string_view steady = R"({"name": "success-rate", "interval": "60s",
    "successCondition": "result[0] >= 0.9",
    "provider": {"plugin": {"serin/requests": {"metric": "success-rate", "window": "5m"}}}})";

}  // namespace

TEST_CASE("a bad canary fails with the request that completes the evidence") {
    World world;
    world.create(steady);
    CHECK(world.phase() == "Running");
    world.requests(29, 500);
    CHECK(world.phase() == "Running");
    world.requests(1, 500);
    CHECK(world.phase() == "Failed");
    CHECK(world.run().text("/status/metricResults/0/measurements/0/value") == "[0]");
    CHECK(world.run().text("/status/metricResults/0/measurements/0/metadata/requests") == "30");
}

TEST_CASE("a canary that turns bad fails before its interval is over") {
    World world;
    world.create(steady);
    world.requests(30, 200);
    CHECK(world.run().integer("/status/metricResults/0/successful") == 1);
    world.loop.advance(5s);
    world.requests(30, 200);
    world.requests(30, 200);
    CHECK(world.run().integer("/status/metricResults/0/successful") == 1);
    world.requests(29, 500);
    CHECK(world.phase() == "Running");
    world.requests(1, 500);
    CHECK(world.phase() == "Failed");
    CHECK(world.run().text("/status/metricResults/0/measurements/1/metadata/early") == "true");
}

TEST_CASE("silence is inconclusive, with the reason in the run's message") {
    World world;
    world.create(steady);
    world.requests(12, 200);
    world.loop.advance(60s);
    CHECK(world.phase() == "Inconclusive");
    CHECK(
        world.run().text("/status/message").contains("12 of at least 30 requests in the last 60s"));
}

TEST_CASE("a wrong configuration ends the run before anything is measured") {
    World world;
    world.create(
        R"({"name": "m", "provider": {"plugin": {"serin/requests": {"metrik": "count"}}}})");
    CHECK(world.phase() == "Error");
    CHECK(
        world.run().text("/status/message") ==
        "Analysis spec invalid: metrics[0]: serin/requests: metric: missing: success-rate, "
        "error-rate, latency, count or rate");
}
