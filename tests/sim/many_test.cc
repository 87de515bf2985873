#include "base/log.h"
#include "control/manager.h"
#include "control/release_controller.h"
#include "sim/loop.h"
#include "sim/still_world.h"
#include "store/memory.h"
#include "traffic/http_route.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

// Very many releases at once, where every task takes its time: pauses have to last as long as they
// say, whatever else there is to do.

using namespace serin;
using namespace std::chrono_literals;

namespace {

Object make_rollout(const std::string& name, int pauses, Duration pause) {
    Object rollout(types::rollout(), "default", name);
    json::Array steps;
    for (int i = 0; i < pauses; ++i) {
        steps.push_back(json::Object{
            {"pause",
             json::Object{
                 {"duration", std::chrono::duration_cast<std::chrono::seconds>(pause).count()}}}});
    }
    const json::Object labels{{"app", name}};
    const json::Object container{{"name", "app"}, {"image", "app:v1"}};
    rollout.put("/spec/replicas", 1);
    rollout.put("/spec/selector/matchLabels", labels);
    rollout.put("/spec/template/metadata/labels", labels);
    rollout.put("/spec/template/spec/containers", json::Array{container});
    rollout.put("/spec/strategy/canary/steps", std::move(steps));
    return rollout;
}

}  // namespace

TEST_CASE("S13: ten minutes of pauses last ten minutes within 1 %, with many releases at once") {
    // Unoptimised builds, and those with sanitizers, are ten times slower.
#ifdef NDEBUG
    constexpr int count = 1000;
#else
    constexpr int count = 100;
#endif
    constexpr int pauses = 10;
    log::configure(log::Level::error, log::Form::text);
    sim::Random random(13);
    sim::Loop loop(Instant(1'767'225'600s), random.fork(1));
    store::MemoryStore store(loop);
    store::MemoryEvidenceLog evidence;
    traffic::HttpRouteRouter router(store);
    sim::StillKubelet kubelet(store);
    sim::NoPlugins plugins;
    control::ReleaseController releases(loop, store, evidence, router, plugins);
    control::Manager manager(
        loop, store, std::vector<Reconciler*>{&kubelet, &releases}, {.turns_per_task_max = 1});
    for (int i = 0; i < count; ++i) {
        REQUIRE(store.create(make_rollout("app-" + std::to_string(i), pauses, 60s)));
    }
    manager.start();
    loop.run_until(loop.now() + 1min, [] { return true; });

    // From here on a turn takes a millisecond, several times what one takes in production.
    loop.set_task_cost(Duration(1));
    std::map<std::string, Instant> began;
    std::map<std::string, Instant> ended;
    std::vector<EventLoop::Watch> timers;
    for (int i = 0; i < count; ++i) {
        const std::string name = "app-" + std::to_string(i);
        timers.push_back(loop.after(random.duration(0s, 60s), [&, name] {
            began[name] = loop.now();
            REQUIRE(store.patch(
                {&types::rollout(), "default", name},
                PatchKind::json,
                json::Array{json::Object{
                    {"op", "replace"},
                    {"path", "/spec/template/spec/containers/0/image"},
                    {"value", "app:v2"}}}));
        }));
    }
    ListQuery query;
    query.type = &types::rollout();
    const auto watch = store.watch(
        query,
        "",
        [&](const StoreEvent& event) {
            const std::string name(event.object.name());
            if (began.contains(name) && !ended.contains(name) &&
                event.object.integer("/status/currentStepIndex") == pauses &&
                event.object.generation() > 1 &&
                event.object.text("/status/observedGeneration") ==
                    std::to_string(event.object.generation())) {
                ended[name] = loop.now();
            }
        },
        [](const Error&) {});
    loop.run_until(loop.now() + 15min, [&] { return std::ssize(ended) < count; });

    REQUIRE(std::ssize(ended) == count);
    Duration longest{0};
    Duration shortest = Duration::max();
    for (const auto& [name, at] : ended) {
        longest = std::max(longest, at - began[name]);
        shortest = std::min(shortest, at - began[name]);
    }
    CHECK(shortest >= 594s);
    CHECK(longest <= 606s);
    MESSAGE("from " << shortest.count() << " to " << longest.count() << " ms");
}
