#include "control/analysis_controller.h"
#include "control/manager.h"
#include "metrics/ab_source.h"
#include "metrics/request_windows.h"
#include "ports/event_recorder.h"
#include "ports/manual_loop.h"
#include "store/memory.h"

#include <doctest/doctest.h>

#include "ground.h"
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

using namespace serin;
using namespace serin::control;
using namespace std::chrono_literals;

// Experiments on live traffic.

namespace {

struct Program {
    EventRecorder events;
    metrics::RequestWindows windows;
    metrics::AbSource source;
    AnalysisController controller;
    Manager manager;

    Program(ManualLoop& loop, ObjectStore& store)
        : events(store, loop, "test"),
          windows(loop),
          source(loop, store, windows),
          controller(loop, store, events, {{std::string(metrics::AbSource::provider), &source}}),
          manager(loop, store, {&controller}, {.resync = 0s}) {
        manager.start();
    }
};

constexpr std::string_view config = R"({
    "arms": [{"name": "control", "revision": "v1", "weight": 1},
             {"name": "new", "revision": "v2", "weight": 1}],
    "header": "X-Checkout", "good": ["ok"], "expects": "new"})";

struct World {
    std::unique_ptr<Ground> ground = make_ground(Instant(1'000'000s));
    const std::string& ns = ground->ns;
    ManualLoop& loop = ground->loop;
    ObjectStore& store = ground->others();
    std::unique_ptr<Program> program = std::make_unique<Program>(loop, ground->controllers());
    std::mt19937_64 random{3};

    void create(std::string_view judge) {
        Object run(types::analysis_run(), ns, "a");
        auto metric = json::parse(R"({"name": "which", "provider": {"plugin": {}}})");
        metric->at("provider").at("plugin").as_object()["serin/ab"] = *json::parse(judge);
        run.put("/spec/metrics", json::Array{*metric});
        const auto created = store.create(run);
        REQUIRE_MESSAGE(created, (created ? "" : created.error().message));
        ground->settle();
    }
    bool hits(double chance) { return std::uniform_real_distribution<>(0, 1)(random) < chance; }

    // 100 visitors a second.
    void play(Duration duration, double control, double fresh, double share = 0.5) {
        const Instant end = loop.now() + duration;
        while (loop.now() < end && phase() == "Running") {
            for (int i = 0; i < 100; ++i) {
                const bool is_new = hits(share);
                const bool converts = hits(is_new ? fresh : control);
                const RequestOutcome outcome{
                    .at = loop.now(),
                    .ns = ns,
                    .revision = is_new ? "v2" : "v1",
                    .response_headers = {converts ? "x-checkout=ok" : "x-checkout=left"},
                    .status = 200};
                const RequestOutcome page{
                    .at = loop.now(), .ns = ns, .revision = "v2", .status = 200};
                program->source.take({&outcome, 1});
                program->source.take({&page, 1});  // Without the header it is no visit.
            }
            ground->advance(1s);
        }
    }
    Object run() const {
        return *store.get({.type = &types::analysis_run(), .ns = ns, .name = "a"});
    }
    std::string phase() const { return std::string(run().text("/status/phase")); }
    std::string measured(const std::string& field) const {
        return std::string(run().text("/status/metricResults/0/measurements/0/" + field));
    }
};

}  // namespace

TEST_CASE("the better arm wins, with the numbers, and the worse one fails the run") {
    World world;
    world.create(config);
    CHECK(world.phase() == "Running");
    SUBCASE("the expected one") {
        world.play(2000s, 0.05, 0.08);
        CHECK(world.phase() == "Successful");
        CHECK(world.measured("value") == "new");
        CHECK(world.measured("message").contains("new wins, wrongly with a chance of at most 5 %"));
        CHECK(world.measured("metadata/report").contains("probabilityBest"));
    }
    SUBCASE("the other one") {
        world.play(2000s, 0.08, 0.05);
        CHECK(world.phase() == "Failed");
        CHECK(world.measured("value") == "control");
    }
}

TEST_CASE("visitors that do not split by the weights end it without a winner") {
    World world;
    world.create(config);
    world.play(600s, 0.05, 0.09, 0.4);
    CHECK(world.phase() == "Inconclusive");
    CHECK(world.measured("message").contains("do not split by the weights"));
}

TEST_CASE("without a difference nobody wins until the time is over") {
    World world;
    world.create(R"({"arms": [{"name": "control", "revision": "v1"},
        {"name": "new", "revision": "v2"}], "timeout": "5m"})");
    world.play(299s, 1, 1, 0.2);  // No weights, no split to hold them against.
    CHECK(world.phase() == "Running");
    world.play(5s, 1, 1);
    CHECK(world.phase() == "Inconclusive");
    CHECK(world.measured("message").contains("the time is over without a winner"));
}

TEST_CASE("after a restart the experiment goes on as if there had been none") {
    const auto report = [](bool restarts) {
        World world;
        world.create(config);
        for (int i = 0; i < 5; ++i) {
            world.play(10s, 0.05, 0.06);
            if (!restarts) continue;
            world.program->source.flush();
            world.program.reset();
            world.ground->restart();
            world.program = std::make_unique<Program>(world.loop, world.ground->controllers());
            world.ground->settle();
        }
        world.play(2000s, 0.05, 0.09);
        CHECK(world.phase() == "Successful");
        return world.measured("metadata/report");
    };
    CHECK(report(true) == report(false));
}

TEST_CASE("a thousand experiments at once each find their own winner") {
    ManualLoop loop{Instant(1'000'000s)};
    store::MemoryStore store(loop);
    metrics::RequestWindows windows(loop, {.series_max = 16});
    metrics::AbSource source(loop, store, windows);
    constexpr std::size_t experiments = 1000;
    std::vector<std::optional<MetricSample>> samples(experiments);
    std::vector<std::unique_ptr<MetricSource::Measurement>> measurements;
    std::vector<std::string> revisions;
    for (std::size_t i = 0; i < experiments; ++i) {
        for (const char* arm : {"a", "b"}) revisions.push_back(arm + std::to_string(i));
        const json::Value arms = json::Array{
            json::Object{{"name", "a"}, {"revision", json::string(revisions[2 * i])}},
            json::Object{{"name", "b"}, {"revision", json::string(revisions[2 * i + 1])}}};
        measurements.push_back(source.measure(
            {.config = {{"arms", arms}},
             .ns = "default",
             .run = "run-" + std::to_string(i),
             .metric = "which",
             .started = loop.now()},
            [&samples, i](Result<MetricSample> sample) { samples[i] = *std::move(sample); }));
    }
    std::mt19937_64 random(9);
    for (int round = 0; round < 400; ++round) {
        for (std::size_t i = 0; i < 2 * experiments; ++i) {
            // In every tenth experiment the arms are equal; else the second one fails half.
            const std::size_t experiment = i / 2;
            const bool is_worse = i % 2 == 1 && experiment % 10 != 0;
            const bool is_failed = is_worse ? random() % 2 == 0 : random() % 10 == 0;
            const RequestOutcome outcome{
                .at = loop.now(),
                .ns = "default",
                .revision = revisions[i],
                .status = is_failed ? 500 : 200};
            source.take({&outcome, 1});
        }
        loop.advance(10ms);
    }
    int wrong = 0;
    int missed = 0;
    int between_equals = 0;
    for (std::size_t i = 0; i < experiments; ++i) {
        const bool has_winner = samples[i] && !samples[i]->value.empty();
        if (i % 10 == 0)
            between_equals += has_winner ? 1 : 0;
        else if (!has_winner)
            ++missed;
        else if (samples[i]->value != "a")
            ++wrong;
    }
    CHECK(wrong == 0);
    CHECK(missed <= 10);
    CHECK(between_equals <= 12);  // Of a hundred, at 5 %.
}

TEST_CASE("experiments that cannot work are refused with their place") {
    World world;
    const auto refusal = [&](std::string_view judge) {
        const auto checked = world.program->source.check(json::parse(judge)->as_object());
        return checked ? "" : checked.error().message;
    };
    CHECK(refusal(config).empty());
    CHECK(refusal("{}").empty());
    CHECK(refusal(R"({"arms": [{"name": "a", "revision": "x"}]})").starts_with("arms: "));
    CHECK(
        refusal(R"({"arms": [{"name": "a"}, {"name": "b", "revision": "x"}]})") ==
        "arms[0]: give either revision (a pod-template hash) or service");
    CHECK(
        refusal(R"({"arms": [{"name": "a", "service": "x"}, {"name": "b", "revision": "x"}]})") ==
        "arms[1]: give all arms by revision or all by service");
    CHECK(
        refusal(R"({"arms": [{"name": "a", "revision": "x", "weight": 1},
                             {"name": "b", "revision": "y"}]})") ==
        "arms: give the weight of every arm or of none");
    CHECK(refusal(R"({"header": "x-a"})").starts_with("header: give either good"));
    CHECK(refusal(R"({"expects": "c"})") == "expects: there is no arm 'c'");
    CHECK(refusal(R"({"alpha": 2})").starts_with("alpha: "));
    CHECK(refusal(R"({"alpa": 2})").starts_with("alpa: unknown field"));
}
