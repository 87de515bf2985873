#include "gateway/peer_reports.h"
#include "ports/gateway_report.h"
#include "ports/manual_loop.h"
#include "store/memory.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>

using namespace serin;
using namespace serin::gateway;
using namespace std::chrono_literals;

// Gateways in a world where pods die, lines to the API break, news come late and leaders change.

namespace {

// One gateway's line to the API: news take their time, and nothing passes while it is cut.
class Line : public ObjectStore {
public:
    Line(ManualLoop& loop, ObjectStore& store, std::mt19937_64& random)
        : loop_(loop), store_(store), random_(random) {}

    Result<Object> get(const ObjectKey& key) const override {
        if (is_cut) return cut();
        return store_.get(key);
    }
    // What has been told, as a store that keeps objects in memory has it.
    Result<ObjectList> list(const ListQuery& query) const override {
        if (is_listed_) {
            ObjectList memory{.items = {}, .resource_version = version_, .continue_at = ""};
            for (const auto& [name, object] : memory_) memory.items.push_back(object);
            return memory;
        }
        if (is_cut) return cut();
        return store_.list(query);
    }
    Result<Object> create(Object object) override {
        if (is_cut) return cut();
        return store_.create(std::move(object));
    }
    Result<Object> update(Object object, Part part) override {
        if (is_cut) return cut();
        return store_.update(std::move(object), part);
    }
    Result<Object> patch(
        const ObjectKey& key, PatchKind kind, const json::Value& patch, Part part) override {
        if (is_cut) return cut();
        return store_.patch(key, kind, patch, part);
    }
    Result<Object> remove(const ObjectKey& key, const RemoveOptions& options) override {
        if (is_cut) return cut();
        return store_.remove(key, options);
    }
    Result<std::unique_ptr<WatchHandle>> watch(
        const ListQuery& query, const std::string& from, OnEvent on_event, OnEnd on_end) override {
        if (is_cut) return cut();
        SERIN_TRY(const ObjectList all, list(query));
        for (const Object& object : all.items)
            memory_.insert_or_assign(std::string(object.name()), object);
        version_ = from;
        is_listed_ = true;
        on_end_ = std::move(on_end);
        return store_.watch(
            query,
            from,
            [this, on_event = std::move(on_event)](const StoreEvent& event) {
                news_.emplace_back([this, on_event, event] {
                    const std::string name(event.object.name());
                    version_ = event.object.resource_version();
                    if (event.kind == EventKind::removed) memory_.erase(name);
                    if (event.kind != EventKind::removed)
                        memory_.insert_or_assign(name, event.object);
                    on_event(event);
                });
                come_in_a_while();
            },
            [](const Error&) {});
    }
    // What it has not told yet is told by the next one.
    void end_watch() {
        news_.clear();
        timer_.reset();
        if (on_end_) on_end_({ErrorKind::gone, "its history was outrun"});
    }

    void mend() {
        is_cut = false;
        come_in_a_while();
    }

    bool is_cut = false;

private:
    static std::unexpected<Error> cut() { return fail(ErrorKind::unavailable, "the line is cut"); }
    void come_in_a_while() {
        if (timer_ || is_cut) return;
        const Duration delay(std::uniform_int_distribution<>(0, 2'000)(random_));
        timer_ = loop_.after(delay, [this] {
            timer_.reset();
            for (auto news = std::exchange(news_, {}); !news.empty() && !is_cut; news.pop_front()) {
                news.front()();
            }
        });
    }

    ManualLoop& loop_;
    ObjectStore& store_;
    std::mt19937_64& random_;
    std::map<std::string, Object> memory_;
    std::string version_;
    bool is_listed_ = false;
    OnEnd on_end_;
    std::deque<std::function<void()>> news_;
    EventLoop::Watch timer_;
};

const ObjectKey route{.type = &types::http_route(), .ns = "shop", .name = "shop"};

InForce weights(std::int64_t generation) {
    return {
        .is_true = true, .reason = "InForce", .message = "[" + std::to_string(generation) + "]"};
}

class World {
public:
    explicit World(std::uint64_t seed) : random(seed) {}

    // A gateway's process, in a pod of this name.
    struct Process {
        Process(World& world, const std::string& pod)
            : line(world.loop, world.store, world.random),
              direct(world.loop, world.store, world.random),
              peers(
                  world.loop,
                  line,
                  direct,
                  {.ns = "serin",
                   .name = pod,
                   .process = pod + "." + std::to_string(++world.processes_),
                   .leads = [&world, pod] { return world.leader == pod; },
                   .said = [&world, this] { return world.said(line); }},
                  [&world, this] { world.speak(*this); }),
              does(world.wanted) {}  // What it lists as it starts is the newest.
        void cut() { line.is_cut = direct.is_cut = true; }
        void mend() {
            line.mend();
            direct.is_cut = false;
        }
        Line line;
        Line direct;  // Nothing is watched by it.
        PeerReports peers;
        std::int64_t does;  // The generation that requests are split by here.
        bool may_take_requests = false;
    };

    int below(int end) { return std::uniform_int_distribution<>(0, end - 1)(random); }

    void start(const std::string& pod) {
        Object object(types::pod(), "serin", pod);
        if (!store.get(object.key())) REQUIRE(store.create(std::move(object)));
        gateways.erase(pod);
        auto& gateway = *(gateways[pod] = std::make_unique<Process>(*this, pod));
        gateway.peers.start();
        gateway.peers.tell(route, gateway.does, weights(gateway.does));
        gateway.peers.serve();
    }
    void pod_goes(const std::string& pod) {
        gateways.erase(pod);
        if (leader == pod) leader.clear();
        (void)store.remove(
            {.type = &types::pod(), .ns = "serin", .name = pod}, {.grace_seconds = 0});
    }
    void write() { ++wanted; }
    // The news of the route reach it.
    void learn(Process& gateway) {
        if (gateway.line.is_cut || gateway.does == wanted) return;
        gateway.does = wanted;
        gateway.peers.tell(route, gateway.does, weights(gateway.does));
        speak(gateway);
    }
    void speak(Process& gateway) {
        if (gateway.line.is_cut || !gateway.peers.speaks()) return;
        const std::int64_t generation = gateway.does;
        // The status names a generation: an older one is not written over a newer.
        if (generation <= confirmed || !gateway.peers.agree(route, generation, weights(generation)))
            return;
        confirmed = generation;
    }
    Result<std::map<std::string, std::int64_t>> said(const Line& line) const {
        if (line.is_cut) return fail(ErrorKind::unavailable, "the line is cut");
        return std::map<std::string, std::int64_t>{{"shop/shop", confirmed}};
    }
    // Nobody who takes requests does anything older than what is said to be in force.
    void check() {
        for (auto& [pod, gateway] : gateways) {
            gateway->may_take_requests = gateway->peers.is_admitted();
            if (!gateway->may_take_requests) continue;
            CAPTURE(pod);
            REQUIRE(gateway->does >= confirmed);
        }
    }
    void pass(Duration time) {
        for (Duration gone(0); gone < time; gone += Duration(100)) {
            loop.advance(Duration(100));
            check();
        }
    }

    std::mt19937_64 random;
    ManualLoop loop{Instant(1'000'000s)};
    store::MemoryStore store{loop};
    std::map<std::string, std::unique_ptr<Process>> gateways;  // By pod.
    std::string leader;
    std::int64_t wanted = 1;     // The route's generation.
    std::int64_t confirmed = 0;  // That its status says is in force.

private:
    int processes_ = 0;
};

void happen(World& world) {
    static constexpr std::array<const char*, 4> pods{"a", "b", "c", "d"};
    const std::string pod = pods[static_cast<std::size_t>(world.below(4))];
    const auto known = world.gateways.find(pod);
    World::Process* gateway = known == world.gateways.end() ? nullptr : known->second.get();
    switch (world.below(10)) {
        case 0:
        case 1:
            return world.write();
        case 2:
        case 3:
            if (gateway) world.learn(*gateway);
            return;
        case 4:  // A new pod, or its process ended and comes again.
            return world.start(pod);
        case 5:
            if (world.below(3) == 0) world.pod_goes(pod);
            return;
        case 6:
            if (gateway) gateway->cut();
            if (world.leader == pod && world.below(2) == 0) world.leader.clear();
            return;
        case 7:
            if (gateway) gateway->mend();
            return;
        case 8:
            if (gateway && !gateway->line.is_cut) gateway->line.end_watch();
            return;
        default:
            if (gateway && !gateway->line.is_cut) world.leader = pod;
    }
}

std::size_t reports(World& world) {
    const auto all = world.store.list({.type = &types::gateway_report(), .ns = "serin"});
    REQUIRE(all);
    return all->items.size();
}

}  // namespace

TEST_CASE("no gateway takes requests that is behind what is said to be in force") {
    for (std::uint64_t seed = 1; seed <= 6000; ++seed) {
        CAPTURE(seed);
        World world(seed);
        world.start("a");
        world.leader = "a";
        world.pass(3s);
        for (int event = 0; event < 60; ++event) {
            happen(world);
            world.pass(Duration(world.below(2'500)));
        }
        // All lines mended, everybody is admitted and the newest is in force.
        if (world.gateways.empty()) world.start("a");
        for (auto& [pod, gateway] : world.gateways) gateway->mend();
        world.leader = world.gateways.begin()->first;
        world.write();
        for (auto& [pod, gateway] : world.gateways) world.learn(*gateway);
        world.pass(20s);
        CHECK(world.confirmed == world.wanted);
        for (auto& [pod, gateway] : world.gateways) CHECK(gateway->peers.is_admitted());
        CHECK(reports(world) == world.gateways.size());
    }
}

TEST_CASE("what one gateway does not do is not in force, until its pod is gone") {
    World world(7);
    for (const char* pod : {"a", "b"}) world.start(pod);
    world.leader = "a";
    world.pass(10s);
    REQUIRE(world.confirmed == 1);
    REQUIRE(world.gateways["b"]->peers.is_admitted());

    world.gateways["b"]->cut();
    world.write();
    world.learn(*world.gateways["a"]);
    world.pass(60s);
    CHECK(world.confirmed == 1);
    CHECK(world.gateways["b"]->peers.is_admitted());  // Its users are served on.

    SUBCASE("its line is mended") {
        world.gateways["b"]->mend();
        world.learn(*world.gateways["b"]);
    }
    SUBCASE("its pod is gone") {
        world.pod_goes("b");
    }
    SUBCASE("its pod has failed") {
        world.gateways.erase("b");
        REQUIRE(world.store.patch(
            {.type = &types::pod(), .ns = "serin", .name = "b"},
            PatchKind::merge,
            json::parse(R"({"status": {"phase": "Failed"}})").value(),
            Part::status));
    }
    world.pass(10s);
    CHECK(world.confirmed == 2);
}

TEST_CASE("a gateway that ends takes its report away, and the next leader goes on") {
    World world(7);
    for (const char* pod : {"a", "b"}) world.start(pod);
    world.leader = "a";
    world.pass(10s);
    REQUIRE(world.gateways["a"]->peers.counted() == 2);
    REQUIRE(world.gateways["a"]->peers.leave());
    world.gateways.erase("a");
    world.leader = "b";
    world.write();
    world.learn(*world.gateways["b"]);
    world.pass(5s);
    CHECK(world.confirmed == 2);
    CHECK(reports(world) == 1);
}
