#include "control/analysis_controller.h"
#include "control/experiment_controller.h"
#include "control/manager.h"
#include "metrics/ab_source.h"
#include "metrics/request_windows.h"
#include "ports/event_recorder.h"

#include <doctest/doctest.h>

#include "ground.h"
#include <random>
#include <string>

using namespace serin;
using namespace serin::control;
using namespace std::chrono_literals;

// A whole Experiment: its arms, its analysis, and the judge that sees who visits them.

namespace {

// The experiment belongs to no release, so nothing is routed for it.
class NoRouter : public TrafficRouter {
public:
    RouterLimits limits() const override { return {}; }
    Result<std::vector<ObjectKey>> objects(const RouteTarget&) const override {
        return std::vector<ObjectKey>{};
    }
    Result<SplitSeen> observe(const RouteTarget&) const override {
        return fail(ErrorKind::not_found, "no route");
    }
    Result<> apply(const RouteTarget&, Split) override {
        return fail(ErrorKind::invalid, "no route");
    }
};

// All replicas are available at once.
class Replicas : public Reconciler {
public:
    explicit Replicas(ObjectStore& store) : store_(store) {}
    std::string_view name() const override { return "replicas"; }
    std::vector<Trigger> triggers() const override { return {on_change_of(types::replica_set())}; }
    Result<CallAgain> reconcile(const ObjectKey& key) override {
        auto group = store_.get(key);
        if (!group) return CallAgain();
        for (const char* field : {"replicas", "readyReplicas", "availableReplicas"})
            group->put(std::string("/status/") + field, group->integer("/spec/replicas"));
        group->put("/status/observedGeneration", group->generation());
        SERIN_TRY_DO(store_.update(*group, Part::status));
        return CallAgain();
    }

private:
    ObjectStore& store_;
};

constexpr std::string_view which_converts = R"({"spec": {
    "args": [{"name": "control"}, {"name": "new"}],
    "metrics": [{"name": "which", "provider": {"plugin": {"serin/ab": {
        "arms": [{"name": "control", "revision": "{{args.control}}", "weight": 1},
                 {"name": "new", "revision": "{{args.new}}", "weight": 1}],
        "header": "x-checkout", "good": ["ok"], "expects": "new"}}}}]}})";

constexpr std::string_view experiment = R"({"spec": {
    "templates": [
        {"name": "control", "selector": {"matchLabels": {"app": "c"}}, "template": {
            "metadata": {"labels": {"app": "c"}},
            "spec": {"containers": [{"name": "shop", "image": "shop:v1"}]}}},
        {"name": "new", "selector": {"matchLabels": {"app": "n"}}, "template": {
            "metadata": {"labels": {"app": "n"}},
            "spec": {"containers": [{"name": "shop", "image": "shop:v2"}]}}}],
    "analyses": [{"name": "which", "templateName": "which-converts",
        "requiredForCompletion": true, "args": [
        {"name": "control", "value": "{{templates.control.podTemplateHash}}"},
        {"name": "new", "value": "{{templates.new.podTemplateHash}}"}]}]}})";

struct World {
    std::unique_ptr<Ground> ground = make_ground(Instant(1'000'000s));
    const std::string& ns = ground->ns;
    ManualLoop& loop = ground->loop;
    ObjectStore& store = ground->others();
    ObjectStore& own = ground->controllers();
    EventRecorder events{own, loop, "test"};
    metrics::RequestWindows windows{loop};
    metrics::AbSource source{loop, own, windows};
    NoRouter router;
    Replicas replicas{store};
    ExperimentController experiments{loop, own, router};
    AnalysisController analyses{
        loop, own, events, {{std::string(metrics::AbSource::provider), &source}}};
    Manager manager{loop, own, {&experiments, &analyses}, {.resync = 0s}};
    Manager played{loop, store, {&replicas}, {.resync = 0s}};
    std::mt19937_64 random{3};

    World() {
        manager.start();
        played.start();
    }
    void advance(Duration by) { ground->advance(by); }
    void begin() {
        create(types::analysis_template(), "which-converts", which_converts);
        create(types::experiment(), "ab", experiment);
        advance(1s);
    }
    void deny_replica_sets() {
        ground->set_faults([](const ObjectKey& key) -> std::optional<store::WriteFault> {
            if (key.type != &types::replica_set()) return std::nullopt;
            return store::WriteFault{
                .error = Error{ErrorKind::denied, "replica sets are forbidden"}};
        });
    }
    void create(const ResourceType& type, std::string_view name, std::string_view text) {
        Object object(type, ns, name);
        object.put("/spec", json::parse(text)->at("spec"));
        const auto created = store.create(object);
        REQUIRE_MESSAGE(created, (created ? "" : created.error().message));
    }
    std::string read(std::string_view pointer) const {
        const auto found = store.get({.type = &types::experiment(), .ns = ns, .name = "ab"});
        REQUIRE(found);
        return std::string(found->text(pointer));
    }
    std::string phase() const { return read("/status/phase"); }
    // The pods of an arm, as the gateway tells them.
    std::string hash_of(std::string_view arm) const {
        const auto all = store.list({.type = &types::replica_set(), .ns = ns});
        REQUIRE(all);
        for (const Object& group : all->items) {
            if (group.name().ends_with(arm))
                return std::string(group.text("/metadata/labels/rollouts-pod-template-hash"));
        }
        return "";
    }
    bool hits(double chance) { return std::uniform_real_distribution<>(0, 1)(random) < chance; }

    // 100 visitors a second, until the experiment is over.
    void play(Duration duration, double control, double fresh) {
        const std::string hashes[]{hash_of("control"), hash_of("new")};
        REQUIRE_FALSE(hashes[0].empty());
        REQUIRE(hashes[0] != hashes[1]);
        const Instant end = loop.now() + duration;
        while (loop.now() < end && phase() == "Running") {
            for (int i = 0; i < 100; ++i) {
                const bool is_new = hits(0.5);
                const bool converts = hits(is_new ? fresh : control);
                const RequestOutcome visit{
                    .at = loop.now(),
                    .ns = ns,
                    .revision = hashes[is_new ? 1 : 0],
                    .response_headers = {converts ? "x-checkout=ok" : "x-checkout=left"},
                    .status = 200};
                source.take({&visit, 1});
            }
            advance(1s);
        }
    }
};

}  // namespace

TEST_CASE("an Experiment's arms are its judge's arms, and the winner ends it") {
    World world;
    world.begin();
    REQUIRE(world.phase() == "Running");
    SUBCASE("the expected one") {
        world.play(2000s, 0.05, 0.08);
        CHECK(world.phase() == "Successful");
        CHECK(world.read("/status/analysisRuns/0/phase") == "Successful");
    }
    SUBCASE("the other one") {
        world.play(2000s, 0.08, 0.05);
        CHECK(world.phase() == "Failed");
        CHECK(world.read("/status/analysisRuns/0/message").contains("control wins"));
    }
    // Its arms go when it is over.
    world.advance(60s);
    const auto groups = world.store.list({.type = &types::replica_set(), .ns = world.ns});
    REQUIRE(groups);
    for (const Object& group : groups->items) CHECK(group.integer("/spec/replicas", 1) == 0);
}

TEST_CASE("an API server that denies everything while it starts ends no experiment") {
    World world;
    world.deny_replica_sets();
    world.begin();
    world.advance(10s);
    CHECK(world.phase() == "Pending");
    SUBCASE("it has started") {
        world.ground->set_faults(nullptr);
        world.advance(10s);
        CHECK(world.phase() == "Running");
    }
    SUBCASE("rights are missing") {
        world.advance(60s);
        CHECK(world.phase() == "Error");
        CHECK(world.read("/status/message").contains("create the replica set"));
        CHECK(world.read("/status/message").contains("replica sets are forbidden"));
    }
}
