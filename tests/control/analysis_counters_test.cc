#include "control/analysis_controller.h"
#include "control/manager.h"
#include "metrics/request_windows.h"
#include "metrics/sequential_source.h"
#include "ports/event_recorder.h"
#include "ports/manual_loop.h"
#include "store/memory.h"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <random>
#include <string>

using namespace serin;
using namespace serin::control;
using namespace std::chrono_literals;

// The sequential judge on counters that another provider knows.

namespace {

// Knows counters by their query, and misbehaves when told to.
class Counters : public MetricSource {
public:
    explicit Counters(EventLoop& loop) : loop_(loop) {}

    Result<> check(const json::Object& config) const override {
        if (!config.contains("query")) return fail(ErrorKind::invalid, "query: missing");
        return {};
    }
    std::unique_ptr<Measurement> measure(MetricQuery query, Done done) override {
        ++asked;
        if (is_silent) return std::make_unique<Measurement>();
        const std::string name(json::text(query.config.if_contains("query")).value_or(""));
        struct Later : Measurement {
            EventLoop::Watch timer;
        };
        auto later = std::make_unique<Later>();
        later->timer = loop_.after(delay, [this, name, done = std::move(done)] {
            if (!error.empty()) return done(fail(ErrorKind::unavailable, error));
            done(MetricSample{.result = json::Array{counts[name]}, .value = "[...]"});
        });
        return later;
    }

    std::map<std::string, double> counts;
    std::string error;
    bool is_silent = false;
    Duration delay{20};
    int asked = 0;

private:
    EventLoop& loop_;
};

constexpr std::string_view config = R"({
    "timeout": "30m", "counters": {"interval": "10s"},
    "metrics": [{"metric": "error-rate",
        "canary": {"total": "canary_total", "failed": "canary_failed"},
        "stable": {"total": "stable_total", "failed": "stable_failed"}}]})";

struct Program {
    EventRecorder events;
    metrics::RequestWindows windows;
    metrics::ReleaseRequests requests;
    metrics::SequentialSource source;
    AnalysisController controller;
    Manager manager;

    Program(ManualLoop& loop, store::MemoryStore& store, Counters& counters)
        : events(store, loop, "test"),
          windows(loop),
          requests(loop, store, windows),
          source(loop, requests, {{"prometheus", &counters}}),
          controller(
              loop, store, events, {{std::string(metrics::SequentialSource::provider), &source}}),
          manager(loop, store, {&controller}, {.resync = 0s}) {
        manager.start();
    }
};

struct World {
    ManualLoop loop{Instant(1'000'000s)};
    store::MemoryStore store{loop};
    Counters counters{loop};
    std::unique_ptr<Program> program = std::make_unique<Program>(loop, store, counters);
    std::mt19937_64 random{5};

    World() {
        Object rollout(types::rollout(), "default", "shop");
        REQUIRE(store.create(rollout));
        rollout = this->rollout();
        rollout.put("/status/stableRS", "v1");
        rollout.put("/status/canary/weights/canary/weight", 10);
        REQUIRE(store.update(rollout, Part::status));
        counters.counts = {{"stable_total", 1e6}, {"stable_failed", 1e3}};
    }
    Object rollout() const {
        return *store.get({.type = &types::rollout(), .ns = "default", .name = "shop"});
    }
    void create(
        const std::string& name,
        std::string_view judge,
        std::string_view kind = "Step",
        std::string_view arguments = "[]") {
        Object run(types::analysis_run(), "default", name);
        run.set_label("rollouts-pod-template-hash", "v2");
        run.set_label("rollout-type", kind);
        run.set_controller(rollout());
        auto metric = json::parse(R"({"name": "judge", "provider": {"plugin": {}}})");
        metric->at("provider").at("plugin").as_object()["serin/sequential"] = *json::parse(judge);
        run.put("/spec/metrics", json::Array{*metric});
        run.put("/spec/args", *json::parse(arguments));
        REQUIRE(store.create(run));
        loop.run_until_idle();
    }
    int events_of(int requests, double share) {
        return std::binomial_distribution<>(requests, share)(random);
    }
    // Traffic of 100 requests a second, a tenth of it to the canary.
    void play(Duration duration, double canary_failures, double stable_failures = 0.001) {
        for (Duration passed{0}; passed < duration; passed += 1s) {
            counters.counts["canary_total"] += 10;
            counters.counts["canary_failed"] += events_of(10, canary_failures);
            counters.counts["stable_total"] += 90;
            counters.counts["stable_failed"] += events_of(90, stable_failures);
            loop.advance(1s);
        }
    }
    Object run(const std::string& name) const {
        return *store.get({.type = &types::analysis_run(), .ns = "default", .name = name});
    }
    std::string phase(const std::string& name) const {
        return std::string(run(name).text("/status/phase"));
    }
    std::string measured(const std::string& name, const std::string& field) const {
        return std::string(run(name).text("/status/metricResults/0/measurements/0/" + field));
    }
    void restart() {
        program.reset();
        program = std::make_unique<Program>(loop, store, counters);
        loop.run_until_idle();
    }
};

}  // namespace

TEST_CASE("a bad canary is failed by counters, with the requests that were counted") {
    World world;
    world.create("a", config);
    world.play(30s, 0.001);
    CHECK(world.phase("a") == "Running");
    CHECK(world.measured("a", "metadata/counters").starts_with("read at "));
    world.play(60s, 0.3);
    CHECK(world.phase("a") == "Failed");
    CHECK(world.measured("a", "metadata/rule") == "harm");
    CHECK(world.run("a").text("/status/message").contains("error-rate: "));
    const int canary = std::stoi(world.measured("a", "metadata/canaryRequests"));
    CHECK(canary <= 900);
    CHECK(canary >= 300);
}

TEST_CASE("a good canary passes by counters alone; requests that Serin sees do not count beside") {
    World world;
    world.create("a", config);
    const RequestOutcome seen{
        .at = world.loop.now(), .ns = "default", .revision = "v2", .status = 500};
    for (int i = 0; i < 100; ++i) world.program->requests.take({&seen, 1});
    world.play(1200s, 0.001);
    CHECK(world.phase("a") == "Successful");
    CHECK(world.measured("a", "metadata/rule") == "non-inferiority");
}

TEST_CASE("any provider that knows a counter can be asked for it") {
    ManualLoop loop;
    store::MemoryStore store(loop);
    metrics::RequestWindows windows(loop);
    metrics::ReleaseRequests requests(loop, store, windows);
    Counters counters(loop);
    const metrics::SequentialSource source(loop, requests, {{"newRelic", &counters}});
    const auto asked = [](std::string_view provider) {
        auto made = json::parse(config).value();
        made.at("counters").as_object()["provider"] =
            json::Object{{std::string(provider), json::Object()}};
        return made.as_object();
    };
    CHECK(source.check(asked("newRelic")));
    const auto refused = source.check(asked("newrelic"));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.contains("provider newrelic cannot be asked for counters"));
}

TEST_CASE("an outage of the provider holds the step, says so, and ends by its deadline") {
    World world;
    world.create("a", R"({"timeout": "2m", "counters": {"interval": "10s"}, "metrics": [
        {"metric": "error-rate", "canary": {"total": "canary_total", "failed": "canary_failed"},
        "stable": {"total": "stable_total", "failed": "stable_failed"}}]})");
    world.play(20s, 0.001);
    world.counters.error = "connection refused";
    world.play(60s, 0.001);
    CHECK(world.phase("a") == "Running");
    CHECK(world.measured("a", "metadata/standing").contains("connection refused"));
    SUBCASE("its end is waited for") {
        world.counters.error.clear();
        world.play(20s, 0.9);
        CHECK(world.phase("a") == "Failed");
    }
    SUBCASE("as long as the step may last") {
        world.play(60s, 0.001);
        CHECK(world.phase("a") == "Inconclusive");
    }
}

TEST_CASE("what a provider of counters repeats of a secret is shown nowhere") {
    World world;
    Object secret(types::secret(), "default", "keys");
    secret.put("/stringData/key", "key-0123");
    REQUIRE(world.store.create(secret));
    world.create(
        "a",
        R"({"timeout": "2m", "counters": {"interval": "10s"}, "metrics": [{"metric": "error-rate",
            "canary": {"total": "canary_total", "failed": "canary_failed"},
            "stable": {"total": "stable_total", "failed": "{{args.key}}"}}]})",
        "Step",
        R"([{"name": "key", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "key"}}}])");
    world.play(20s, 0.001);
    world.counters.error = "who is key-0123?";
    world.play(60s, 0.001);
    CHECK(world.measured("a", "metadata/standing").contains("who is *****?"));
    world.play(60s, 0.001);
    CHECK(world.phase("a") == "Inconclusive");
    for (const ResourceType& type : resource_types()) {
        if (type.kind == "Secret") continue;
        const auto all = world.store.list({.type = &type});
        REQUIRE(all);
        for (const Object& object : all->items)
            CHECK_FALSE(json::print(object.document()).contains("key-0123"));
    }
}

TEST_CASE("a provider that never answers is an error") {
    World world;
    SUBCASE("when it refuses") {
        world.counters.error = "bad_data: no such thing";
        world.create("a", config);
        world.play(60s, 0.001);
    }
    SUBCASE("when it says nothing") {
        world.counters.is_silent = true;
        world.create("a", config);
        world.play(180s, 0.001);
    }
    const std::string message = world.measured("a", "message");
    CHECK(world.measured("a", "phase") == "Error");
    CHECK(message.starts_with("no counter could be read: "));
}

TEST_CASE("steps and the run beside them count each request once") {
    World world;
    world.create("beside", config, "Background");
    world.play(30s, 0.001);
    world.create("a", config);
    world.play(60s, 0.001);
    // The reading at the end of the step before is where the next one begins.
    const int step = std::stoi(world.measured("a", "metadata/canaryRequests"));
    CHECK(step >= 400);
    CHECK(step <= 600);
    CHECK(std::stoi(world.measured("a", "metadata/index")) <= 9'000);
}

TEST_CASE("after a crash the counters are where they were") {
    const auto index = [](bool restarts) {
        World world;
        world.create("a", config, "Background");
        for (int i = 0; i < 6; ++i) {
            world.play(17s, 0.001);
            if (restarts) world.restart();
        }
        world.play(60s, 0.001);
        return std::stoi(world.measured("a", "metadata/index"));
    };
    const int without = index(false);
    const int with = index(true);
    CHECK(with <= without + 1'000);  // It may have been read a little later.
    CHECK(with >= without - 1'000);
}

TEST_CASE("a configuration that cannot work is refused with its place") {
    World world;
    const auto refusal = [&](std::string_view judge) {
        const auto checked = world.program->source.check(json::parse(judge)->as_object());
        return checked ? "" : checked.error().message;
    };
    CHECK(refusal(config).empty());
    CHECK(refusal(R"j({"metrics": [{"metric": "error-rate",
            "canary": {"total": "sum(rate(x[1m]))", "failed": "y"},
            "stable": {"total": "x", "failed": "y"}}]})j")
              .starts_with("metrics[0].canary.total: rate() makes something else of a counter"));
    CHECK(refusal(R"({"metrics": [{"metric": "error-rate", "canary": {"total": "x"}}]})")
              .contains("known are total, failed, succeeded"));
    CHECK(
        refusal(R"({"metrics": [{"metric": "error-rate",
            "canary": {"total": "x", "failed": "y"}}]})") ==
        "metrics[0].stable: missing: the canary is compared with it");
    CHECK(refusal(R"({"metrics": [{"metric": "latency", "canary": {"total": "x", "slow": "y"}}]})")
              .contains("give atMost"));
    CHECK(refusal(R"({"counters": {"interval": "10ms"}, "metrics": []})")
              .starts_with("counters.interval"));
    CHECK(refusal(R"({"counters": {}})").starts_with("counters: no metric"));
    CHECK(
        refusal(R"({"counters": {"provider": {"datadog": {}}}, "metrics": [{"metric": "error-rate",
            "canary": {"total": "x", "failed": "y"}, "stable": {"total": "x", "failed": "y"}}]})") ==
        "metrics[0].canary.total: provider datadog cannot be asked for counters");
    CHECK(
        refusal(R"({"metrics": [{"metric": "error-rate", "atMost": 0.01,
            "canary": {"total": {"address": "http://x"}, "failed": "y"}}]})") ==
        "metrics[0].canary.total: query: missing");
    CHECK(refusal(R"({"metrics": [{"metric": "business", "canary": {"total": "x", "converted": "y"},
            "stable": {"total": "x", "converted": "y"}}]})")
              .empty());
}

// Here, because a cluster's schema drops it before anybody sees it.
TEST_CASE("a field that no judge knows is refused with its place") {
    World world;
    world.create("a", R"({"alfa": 1})");
    CHECK(world.phase("a") == "Error");
    CHECK(world.run("a").text("/status/message").contains("alfa: unknown field"));
}
