#pragma once

#include "control/analysis_controller.h"
#include "control/manager.h"
#include "metrics/budget_source.h"
#include "metrics/request_windows.h"
#include "metrics/sequential_source.h"
#include "ports/event_recorder.h"

#include <doctest/doctest.h>

#include "ground.h"
#include <memory>
#include <random>
#include <string>

// A Rollout whose requests are played, and analysis runs whose judge looks at each of them.

namespace {

using namespace serin;
using namespace serin::control;
using namespace std::chrono_literals;

// What can be restarted.
struct Program {
    EventRecorder events;
    metrics::RequestWindows windows;
    metrics::ReleaseRequests requests;
    metrics::SequentialSource source;
    metrics::BudgetSource budget;
    AnalysisController controller;
    Manager manager;

    Program(ManualLoop& loop, ObjectStore& store)
        : events(store, loop, "test"),
          windows(loop),
          requests(loop, store, windows),
          source(loop, requests),
          budget(loop, requests),
          controller(
              loop,
              store,
              events,
              {{std::string(metrics::SequentialSource::provider), &source},
               {std::string(metrics::BudgetSource::provider), &budget}}),
          manager(loop, store, {&controller}, {.resync = 0s}) {
        manager.start();
    }
};

struct Traffic {
    double canary_failures = 0;
    double stable_failures = 0;
    int weight = 10;  // In percent.
    int per_second = 300;
    Duration latency{5};
    std::optional<double> canary_refusals;  // Of its checkouts; empty: no header tells.
    std::string stable_value = "ok";
    // Of the canary: on one route of ten, on one of three pods, for one of four client versions.
    double fault_by_route = 0;
    double fault_by_pod = 0;
    double fault_by_version = 0;
    std::uint64_t users = 0;  // Who ask by turns; 0: nobody tells.
};

struct World {
    std::unique_ptr<Ground> ground = make_ground(Instant(1'000'000s));
    const std::string& ns = ground->ns;
    ManualLoop& loop = ground->loop;
    ObjectStore& store = ground->others();
    std::unique_ptr<Program> program = std::make_unique<Program>(loop, ground->controllers());
    std::mt19937_64 random{7};

    World() {
        Object rollout(types::rollout(), ns, "shop");
        rollout.put("/spec/strategy/canary/canaryService", "shop-canary");
        rollout.put("/spec/strategy/canary/stableService", "shop-stable");
        add(rollout);
        set_status("/stableRS", "v1");
        set_status("/canary/weights/canary/weight", 10);
    }

    void settle() { ground->settle(); }
    void advance(Duration by) { ground->advance(by); }
    void add(const Object& object) {
        const auto created = store.create(object);
        REQUIRE_MESSAGE(created, (created ? "" : created.error().message));
    }
    void set_status(std::string_view pointer, json::Value value) {
        Object rollout = this->rollout();
        rollout.put("/status" + std::string(pointer), std::move(value));
        REQUIRE(store.update(rollout, Part::status));
    }
    Object rollout() const {
        return *store.get({.type = &types::rollout(), .ns = ns, .name = "shop"});
    }

    void create(
        const std::string& name,
        std::string_view config = "{}",
        std::string_view kind = "Step",
        std::string_view provider = "serin/sequential") {
        Object run(types::analysis_run(), ns, name);
        run.set_label("rollouts-pod-template-hash", "v2");
        run.set_label("rollout-type", kind);
        run.set_controller(rollout());
        run.put(
            "/spec/metrics",
            json::Array{json::Object{
                {"name", "judge"},
                {"provider",
                 json::Object{{"plugin", json::Object{{provider, *json::parse(config)}}}}}}});
        add(run);
        settle();
    }

    bool is_one_in(double share) { return std::uniform_real_distribution<>(0, 1)(random) < share; }

    // Plays traffic in slices of 10 ms; returns how many requests of the canary there were until
    // the run was completed.
    int play(Duration duration, const Traffic& traffic, const std::string& run) {
        int canary = 0;
        const Instant end = loop.now() + duration;
        while (loop.now() < end && !is_completed(run)) {
            for (int i = 0; i < traffic.per_second / 100; ++i) {
                const bool is_canary = is_one_in(traffic.weight / 100.0);
                const std::uint64_t pod = random() % 3;
                const std::uint64_t version = random() % 4;
                const std::uint64_t route = random() % 10;
                double failures = is_canary ? traffic.canary_failures : traffic.stable_failures;
                if (is_canary && pod == 1) failures += traffic.fault_by_pod;
                if (is_canary && version == 2) failures += traffic.fault_by_version;
                if (is_canary && route == 7) failures += traffic.fault_by_route;
                const bool is_failed = is_one_in(failures);
                const std::string path = route == 7 ? "/items/" + std::to_string(random() % 1000)
                                                    : "/page" + std::string(1, char('a' + route));
                const std::string pod_name = (is_canary ? "v2-" : "v1-") + std::to_string(pod);
                const std::string asked = "x-client-version=3." + std::to_string(version);
                const std::string id = "id-" + std::to_string(random() % 100'000);
                const bool is_refused = is_canary && is_one_in(traffic.canary_refusals.value_or(0));
                std::string told;
                if (traffic.canary_refusals)
                    told = "x-checkout=" + (is_refused ? "failed" : traffic.stable_value);
                const RequestOutcome outcome{
                    .at = loop.now(),
                    .latency_us = traffic.latency.count() * 1000 + std::int64_t(random() % 2000),
                    .ns = ns,
                    .route = "shop",
                    .service = is_canary ? "shop-canary" : "shop-stable",
                    .revision = is_canary ? "v2" : "v1",
                    .pod = pod_name,
                    .method = "GET",
                    .path = path,
                    .request_id = id,
                    .user = traffic.users == 0 ? 0 : 1 + random() % traffic.users,
                    .request_headers = {asked},
                    .response_headers = {told},
                    .status = is_failed ? 500 : 200};
                canary += is_canary ? 1 : 0;
                program->requests.take({&outcome, 1});
            }
            advance(10ms);
        }
        return canary;
    }

    Object run(const std::string& name) const {
        const auto stored = store.get({.type = &types::analysis_run(), .ns = ns, .name = name});
        REQUIRE(stored);
        return *stored;
    }
    std::string phase(const std::string& name) const {
        return std::string(run(name).text("/status/phase"));
    }
    bool is_completed(const std::string& name) const {
        return phase(name) != "Running" && phase(name) != "Pending" && !phase(name).empty();
    }
    std::string measured(const std::string& name, const std::string& field) const {
        return std::string(run(name).text("/status/metricResults/0/measurements/0/" + field));
    }
    void restart(bool is_orderly) {
        if (is_orderly) program->requests.flush();
        program.reset();
        boot();
    }
    // REQUIRES: there is no program.
    void boot() {
        ground->restart();
        program = std::make_unique<Program>(loop, ground->controllers());
        settle();
    }
};

// What the gateway confirms.
[[maybe_unused]] void put_in_force(World& world, int canary) {
    Object route(types::http_route(), world.ns, "shop");
    if (!world.store.get(route.key())) world.add(route);
    Object confirmed = *world.store.get(route.key());
    confirmed.put(
        "/status/parents",
        json::Array{json::Object{
            {"controllerName", "serin.dev/gateway"},
            {"conditions",
             json::Array{json::Object{
                 {"type", "serin.dev/InForce"},
                 {"status", "True"},
                 {"observedGeneration", confirmed.generation()},
                 {"message",
                  json::print(json::Array{
                      json::Object{{"shop-canary", canary}, {"shop-stable", 100 - canary}}})}}}}}});
    REQUIRE(world.store.update(confirmed, Part::status));
}

}  // namespace
