#include "control/manager.h"

#include "ports/manual_loop.h"
#include "ports/stalling_loop.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <deque>

using namespace serin;
using namespace serin::control;
using namespace std::chrono_literals;

namespace {

ObjectKey run_key(std::string name) {
    return {.type = &types::analysis_run(), .ns = "default", .name = std::move(name)};
}

// Only what a manager uses: lists, watches, and ways to break them.
class ListedStore : public ObjectStore {
public:
    explicit ListedStore(EventLoop& loop) : loop_(loop) {}

    Result<Object> get(const ObjectKey&) const override { return absent(); }
    Result<ObjectList> list(const ListQuery& query) const override {
        ++lists;
        if (list_error) return std::unexpected(*list_error);
        ObjectList list{.resource_version = "1"};
        for (const auto& [key, object] : objects) {
            if (key.type != query.type || key.name <= query.continue_at) continue;
            if (query.limit > 0 && std::ssize(list.items) == query.limit) {
                list.continue_at = list.items.back().name();
                break;
            }
            list.items.push_back(object);
        }
        return list;
    }
    Result<Object> create(Object object) override {
        objects[object.key()] = object;
        tell({.kind = EventKind::added, .object = object});
        return object;
    }
    Result<Object> update(Object object, Part) override {
        objects[object.key()] = object;
        tell({.kind = EventKind::modified, .object = object});
        return object;
    }
    Result<Object> patch(const ObjectKey&, PatchKind, const json::Value&, Part) override {
        return absent();
    }
    Result<Object> remove(const ObjectKey& key, const RemoveOptions&) override {
        Object object = objects.at(key);
        objects.erase(key);
        tell({.kind = EventKind::removed, .object = object});
        return object;
    }
    Result<std::unique_ptr<WatchHandle>> watch(
        const ListQuery& query, const std::string&, OnEvent on_event, OnEnd on_end) override {
        if (watch_error) return std::unexpected(*std::exchange(watch_error, {}));
        ++watches;
        watchers.push_back({query.type, std::move(on_event), std::move(on_end)});
        return std::make_unique<WatchHandle>();
    }

    void tell(const StoreEvent& event) {
        for (const Watcher& watcher : watchers) {
            if (watcher.type != event.object.type()) continue;
            loop_.post([call = watcher.on_event, event] { call(event); });
        }
    }
    void break_watches() {
        for (const Watcher& watcher : std::exchange(watchers, {})) {
            watcher.on_end({.kind = ErrorKind::gone, .message = "history outrun"});
        }
    }

    std::map<ObjectKey, Object> objects;
    std::optional<Error> list_error;
    std::optional<Error> watch_error;
    mutable int lists = 0;
    int watches = 0;

private:
    struct Watcher {
        const ResourceType* type;
        OnEvent on_event;
        OnEnd on_end;
    };
    static std::unexpected<Error> absent() { return fail(ErrorKind::not_found, "not there"); }
    EventLoop& loop_;
    std::vector<Watcher> watchers;
};

// Notes its turns and answers what it was told to.
class Scripted : public Reconciler {
public:
    explicit Scripted(const Clock& clock, std::string name = "scripted")
        : clock_(clock), name_(std::move(name)) {}
    std::string_view name() const override { return name_; }
    std::vector<Trigger> triggers() const override { return {on_change_of(types::analysis_run())}; }
    void attach(RequestTurn ask) override { request = std::move(ask); }
    Result<CallAgain> reconcile(const ObjectKey& key) override {
        turns.push_back(key.name);
        at.push_back(clock_.now());
        if (order != nullptr) order->push_back(name_ + ":" + key.name);
        if (answers.empty()) return CallAgain();
        auto answer = answers.front();
        answers.pop_front();
        return answer;
    }

    std::vector<std::string> turns;
    std::vector<Instant> at;
    std::vector<std::string>* order = nullptr;
    std::deque<Result<CallAgain>> answers;
    RequestTurn request;

private:
    const Clock& clock_;
    std::string name_;
};

struct World {
    ManualLoop loop{Instant(1000s)};
    ListedStore store{loop};
    Scripted scripted{loop};
    Manager manager{loop, store, {&scripted}, {.resync = 0s}};

    void add(const std::string& name) {
        REQUIRE(store.create(Object(types::analysis_run(), "default", name)));
    }
};

std::vector<Duration> distances(const std::vector<Instant>& at) {
    std::vector<Duration> all;
    for (std::size_t i = 1; i < at.size(); ++i) all.push_back(at[i] - at[i - 1]);
    return all;
}

}  // namespace

TEST_CASE("every object gets a turn at the start and after each change") {
    World world;
    world.add("a");
    world.manager.start();
    CHECK(world.scripted.turns.empty());  // Never within the call.
    world.loop.run_until_idle();
    CHECK(world.scripted.turns == std::vector<std::string>{"a"});

    world.add("b");
    world.loop.run_until_idle();
    CHECK(world.scripted.turns == std::vector<std::string>{"a", "b"});
    CHECK_FALSE(world.loop.next_timer());  // Idle means idle.
}

TEST_CASE("requests that come before the turn are one turn") {
    World world;
    world.manager.start();
    for (int i = 0; i < 5; ++i) world.add("a");
    world.manager.request(world.scripted, run_key("a"));
    world.scripted.request(run_key("a"));
    world.loop.run_until_idle();
    CHECK(world.scripted.turns.size() <= 2);
    CHECK(world.manager.stats().at(0).queued == 0);
}

TEST_CASE("the last answer decides when a key is called again") {
    World world;
    world.scripted.answers = {CallAgain(10s), CallAgain(3s), CallAgain()};
    world.add("a");
    world.manager.start();
    world.loop.run_until_idle();
    world.loop.advance(1s);
    world.scripted.request(run_key("a"));
    world.loop.advance(60s);
    CHECK(distances(world.scripted.at) == std::vector<Duration>{1s, 3s});
}

TEST_CASE("errors are retried with a delay that doubles to its limit, and success resets it") {
    World world;
    for (int i = 0; i < 15; ++i)
        world.scripted.answers.push_back(fail(ErrorKind::unavailable, "no connection"));
    world.scripted.answers.push_back(CallAgain());
    world.add("a");
    world.manager.start();
    world.loop.advance(600s);

    const auto waited = distances(world.scripted.at);
    REQUIRE(waited.size() == 15);
    CHECK(waited.front() == 5ms);
    CHECK(waited[1] == 10ms);
    CHECK(waited[12] == 20480ms);
    CHECK(waited[13] == 30s);
    CHECK(waited.back() == 30s);
    CHECK(world.manager.stats().at(0).errors == 15);
    CHECK(world.manager.stats().at(0).retrying == 0);

    world.scripted.answers = {fail(ErrorKind::unavailable, "again"), CallAgain()};
    world.scripted.at.clear();
    world.scripted.request(run_key("a"));
    world.loop.advance(1s);
    CHECK(distances(world.scripted.at) == std::vector<Duration>{5ms});
}

TEST_CASE("conflicts are retried quickly however many there are") {
    World world;
    for (int i = 0; i < 10; ++i)
        world.scripted.answers.push_back(fail(ErrorKind::conflict, "changed meanwhile"));
    world.add("a");
    world.manager.start();
    world.loop.advance(2s);
    CHECK(world.scripted.turns.size() == 11);
    CHECK(world.manager.stats().at(0).conflicts == 10);
    CHECK(world.manager.stats().at(0).errors == 0);
}

TEST_CASE("a failed turn keeps an earlier appointment") {
    World world;
    world.scripted.answers = {CallAgain(2ms), fail(ErrorKind::unavailable, "no")};
    world.add("a");
    world.manager.start();
    world.loop.run_until_idle();
    world.scripted.request(run_key("a"));
    world.loop.advance(1s);
    CHECK(distances(world.scripted.at) == std::vector<Duration>{0ms, 2ms});
}

TEST_CASE("other tasks of the loop get in between many turns") {
    World world;
    for (int i = 0; i < 100; ++i) world.add("r" + std::to_string(i));
    world.manager.start();
    std::size_t turns_before = 1000;
    world.loop.post([&] { turns_before = world.scripted.turns.size(); });
    world.loop.run_until_idle();
    CHECK(turns_before <= 8);
    CHECK(world.scripted.turns.size() == 100);
}

TEST_CASE("other tasks of the loop do not wait for more than one turn that takes long") {
    struct Slow : Scripted {
        explicit Slow(StallingLoop& its_loop) : Scripted(its_loop), loop(its_loop) {}
        Result<CallAgain> reconcile(const ObjectKey& key) override {
            loop.stall(2s);
            return Scripted::reconcile(key);
        }
        StallingLoop& loop;
    };
    StallingLoop loop{Instant(1000s)};
    ListedStore store(loop);
    Slow slow(loop);
    Manager manager(loop, store, {&slow}, {.resync = 0s});
    for (int i = 0; i < 5; ++i) {
        REQUIRE(store.create(Object(types::analysis_run(), "default", "r" + std::to_string(i))));
    }
    manager.start();
    std::vector<std::size_t> turns_before;
    std::function<void()> probe = [&] {
        turns_before.push_back(slow.turns.size());
        if (slow.turns.size() < 5) loop.post(probe);
    };
    loop.post(probe);
    loop.run_until_idle();
    CHECK(turns_before == std::vector<std::size_t>{1, 2, 3, 4, 5});
}

TEST_CASE("reconcilers take turns") {
    ManualLoop loop;
    ListedStore store(loop);
    Scripted one(loop, "one");
    Scripted two(loop, "two");
    std::vector<std::string> order;
    one.order = two.order = &order;
    for (const char* name : {"a", "b"})
        REQUIRE(store.create(Object(types::analysis_run(), "default", name)));
    Manager manager(loop, store, {&one, &two}, {.resync = 0s});
    manager.start();
    loop.run_until_idle();
    CHECK(order == std::vector<std::string>{"one:a", "two:a", "one:b", "two:b"});
    CHECK(store.lists == 1);  // The type is watched once for both.
    CHECK(store.watches == 1);
}

TEST_CASE("a broken watch leads to a new list and a turn for all, the vanished included") {
    World world;
    world.add("a");
    world.add("b");
    world.manager.start();
    world.loop.run_until_idle();
    world.scripted.turns.clear();

    world.store.objects.erase(run_key("b"));  // No event tells.
    world.store.break_watches();
    world.loop.advance(1s);
    CHECK(world.scripted.turns == std::vector<std::string>{"a", "b"});
    CHECK(world.manager.stats().at(0).keys == 1);

    world.add("c");
    world.loop.run_until_idle();
    CHECK(world.scripted.turns.back() == "c");
}

TEST_CASE(
    "of more objects than a page holds each gets a turn, at the start and when listed again") {
    World world;
    for (int i = 0; i < 1100; ++i) world.add(fmt::format("run-{}", i));
    world.manager.start();
    world.loop.run_until_idle();
    CHECK(world.scripted.turns.size() == 1100);
    world.store.objects.erase(run_key("run-999"));
    world.store.break_watches();
    world.loop.advance(1s);
    CHECK(world.manager.stats().at(0).keys == 1099);
    CHECK(world.store.watches == 2);
}

TEST_CASE("a list or watch that fails is tried again") {
    World world;
    world.add("a");
    world.store.list_error = Error{ErrorKind::unavailable, "disk busy"};
    world.store.watch_error = Error{ErrorKind::gone, "too old"};
    world.manager.start();
    world.loop.advance(1s);
    CHECK(world.scripted.turns.empty());
    world.store.list_error.reset();
    world.loop.advance(30s);
    CHECK(world.scripted.turns == std::vector<std::string>{"a"});
}

TEST_CASE("a removed object gets a last turn and is forgotten") {
    World world;
    world.add("a");
    world.manager.start();
    world.loop.run_until_idle();
    REQUIRE(world.store.remove(run_key("a"), {}));
    world.loop.run_until_idle();
    CHECK(world.scripted.turns.size() == 2);
    CHECK(world.manager.stats().at(0).keys == 0);
}

TEST_CASE("the resync gives every key a turn, after urgent ones") {
    ManualLoop loop;
    ListedStore store(loop);
    Scripted scripted(loop);
    for (const char* name : {"a", "b"})
        REQUIRE(store.create(Object(types::analysis_run(), "default", name)));
    Manager manager(loop, store, {&scripted}, {.resync = 60s});
    manager.start();
    loop.advance(59s);
    CHECK(scripted.turns.size() == 2);
    loop.post([&] {});
    loop.advance(1s);
    CHECK(scripted.turns == std::vector<std::string>{"a", "b", "a", "b"});
}

TEST_CASE("an object that nobody told about is found by the resync") {
    ManualLoop loop;
    ListedStore store(loop);
    Scripted scripted(loop);
    Manager manager(loop, store, {&scripted}, {.resync = 60s});
    manager.start();
    loop.run_until_idle();
    const Object object(types::analysis_run(), "default", "a");
    store.objects.emplace(object.key(), object);  // No event.
    loop.advance(59s);
    CHECK(scripted.turns.empty());
    loop.advance(1s);
    CHECK(scripted.turns == std::vector<std::string>{"a"});
}

TEST_CASE("nothing runs after stop, and a new start begins afresh") {
    World world;
    world.scripted.answers = {CallAgain(1s)};
    world.add("a");
    world.manager.start();
    world.loop.run_until_idle();
    world.manager.stop();
    world.scripted.request(run_key("a"));
    world.add("b");
    world.loop.advance(60s);
    CHECK(world.scripted.turns.size() == 1);

    world.manager.start();
    world.loop.run_until_idle();
    CHECK(world.scripted.turns == std::vector<std::string>{"a", "a", "b"});
}
