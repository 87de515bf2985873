#include "base/log.h"
#include "control/manager.h"
#include "control/release_controller.h"
#include "ports/plugin_runner.h"
#include "sim/loop.h"
#include "store/memory.h"
#include "traffic/http_route.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

// Very many releases at once, where every task takes its time: pauses have to last as long as they
// say, whatever else there is to do.

using namespace serin;
using namespace std::chrono_literals;

namespace {

// No release here has any.
class NoPlugins : public PluginRunner {
public:
    [[nodiscard]] std::unique_ptr<Call> call(PluginCall /*call*/, Done done) override {
        done(fail(ErrorKind::not_found, "there are no plugins"));
        return nullptr;
    }
};

// Every ReplicaSet has what it wants at once.
class Kubelet : public Reconciler {
public:
    explicit Kubelet(ObjectStore& store) : store_(store) {}
    std::string_view name() const override { return "kubelet"; }
    std::vector<Trigger> triggers() const override { return {on_change_of(types::replica_set())}; }
    Result<CallAgain> reconcile(const ObjectKey& key) override {
        auto set = store_.get(key);
        if (!set) return std::nullopt;
        const std::int64_t replicas = set->integer("/spec/replicas");
        set->put(
            "/status",
            json::Object{
                {"replicas", replicas},
                {"readyReplicas", replicas},
                {"availableReplicas", replicas},
                {"observedGeneration", set->generation()}});
        SERIN_TRY_DO(store_.update(*std::move(set), Part::status));
        return std::nullopt;
    }

private:
    ObjectStore& store_;
};

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
    // A turn looks through the objects of all releases, so the cost grows with the square.
#ifdef NDEBUG
    constexpr int count = 100;
#else
    constexpr int count = 20;
#endif
    constexpr int pauses = 10;
    log::configure(log::Level::error, log::Form::text);
    sim::Random random(13);
    sim::Loop loop(Instant(1'767'225'600s), random.fork(1));
    store::MemoryStore store(loop);
    store::MemoryEvidenceLog evidence;
    traffic::HttpRouteRouter router(store);
    Kubelet kubelet(store);
    NoPlugins plugins;
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
