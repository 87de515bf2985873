// Decisions per second on one core, with 1 to 10,000 releases: the pure function alone, and a whole
// turn of the controller (observe, decide, and find that there is nothing to write). `bytes` is the
// memory of one release, all its objects included.

#include "base/log.h"
#include "control/manager.h"
#include "control/release_controller.h"
#include "control/release_observe.h"
#include "engine/decide.h"
#include "manifest/argo/read_status.h"
#include "ports/manual_loop.h"
#include "sim/still_world.h"
#include "store/memory.h"
#include "traffic/http_route.h"

#include <benchmark/benchmark.h>

#include <chrono>
#include <malloc.h>
#include <memory>
#include <string>
#include <vector>

namespace serin {

namespace {

using namespace std::chrono_literals;

// What is allocated, not what is resident: that would count what former releases left behind.
double allocated_bytes() {
    const struct mallinfo2 info = mallinfo2();
    return static_cast<double>(info.uordblks + info.hblkhd);
}

Object make_rollout(const std::string& name) {
    const auto parsed = json::parse(R"({
        "replicas": 3,
        "strategy": {"canary": {"steps": [
            {"setWeight": 5}, {"pause": {}}, {"setWeight": 20}, {"pause": {"duration": "10m"}},
            {"setWeight": 50}, {"pause": {"duration": "10m"}}]}},
        "template": {"spec": {"containers": [{
            "name": "shop", "image": "shop:v1",
            "ports": [{"name": "http", "containerPort": 8080}],
            "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}}}]}}})");
    Object rollout(types::rollout(), "default", name);
    rollout.put("/spec", *parsed);
    rollout.put("/spec/selector/matchLabels", json::Object{{"app", name}});
    rollout.put("/spec/template/metadata/labels", json::Object{{"app", name}});
    return rollout;
}

// So many releases, waiting at their first pause.
struct Releases {
    explicit Releases(int count) : before(allocated_bytes()) {
        log::configure(log::Level::error, log::Form::text);
        control::Manager manager(loop, store, std::vector<Reconciler*>{&kubelet, &controller});
        manager.start();
        for (int i = 0; i < count; ++i) {
            auto made = store.create(make_rollout("shop-" + std::to_string(i)));
            if (made) keys.push_back(made->key());
        }
        loop.advance(1min);
        for (const ObjectKey& key : keys) {
            auto rollout = store.get(key);
            if (!rollout) continue;
            rollout->put("/spec/template/metadata/annotations/version", "2");
            static_cast<void>(store.update(*std::move(rollout)));
        }
        loop.advance(1min);
        store.forget_history();
        loop.advance(1s);
        manager.stop();
        bytes = (allocated_bytes() - before) / static_cast<double>(count);
    }

    double before;
    double bytes = 0;  // Of one release.
    ManualLoop loop;
    store::MemoryStore store{loop};
    store::MemoryEvidenceLog evidence;
    traffic::HttpRouteRouter router{store};
    sim::StillKubelet kubelet{store};
    sim::NoPlugins plugins;
    control::ReleaseController controller{loop, store, evidence, router, plugins};
    std::vector<ObjectKey> keys;
};

// Kept between calls: a benchmark is called many times to find out how often to repeat it.
Releases& releases_of(const benchmark::State& state) {
    static std::unique_ptr<Releases> kept;
    const auto count = static_cast<int>(state.range(0));
    if (!kept || std::ssize(kept->keys) != count) {
        kept.reset();
        kept = std::make_unique<Releases>(count);
    }
    return *kept;
}

void decide(benchmark::State& state) {
    Releases& releases = releases_of(state);
    struct Case {
        Release release;
        Observation seen;
    };
    std::vector<Case> cases;
    for (const ObjectKey& key : releases.keys) {
        auto rollout = releases.store.get(key);
        if (!rollout) continue;
        const ReleaseState stand = argo::read_status(*rollout);
        auto world = control::observe_release(
            releases.store, releases.router, *rollout, argo::lower(*rollout), releases.loop.now());
        if (!world) continue;
        cases.push_back(
            {{.name = key.name, .plan = world->lowered.plan, .state = stand}, world->seen});
    }
    size_t next = 0;
    for (auto _ : state) {
        const Case& one = cases[next++ % cases.size()];
        benchmark::DoNotOptimize(engine::decide(one.release, one.seen));
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(decide)->Arg(1)->Arg(100)->Arg(10'000);

void turn(benchmark::State& state) {
    Releases& releases = releases_of(state);
    size_t next = 0;
    for (auto _ : state) {
        auto answer = releases.controller.reconcile(releases.keys[next++ % releases.keys.size()]);
        if (!answer) state.SkipWithError("a turn failed");
        benchmark::DoNotOptimize(answer);
    }
    state.SetItemsProcessed(state.iterations());
    state.counters["bytes"] = releases.bytes;
}
BENCHMARK(turn)->Arg(1)->Arg(100)->Arg(10'000);

}  // namespace

}  // namespace serin
