#include "store/acceptance.h"

#include <doctest/doctest.h>

// Watches: no gap, no duplicate, in order.

namespace serin::store {

namespace {

const ResourceType& pods = types::pod();

ObjectKey pod(std::string_view name) {
    return {&pods, "default", std::string(name)};
}

void patch(World& world, std::string_view name, std::string_view text) {
    const auto patched = world.store().patch(pod(name), PatchKind::merge, parsed(text));
    REQUIRE_MESSAGE(patched, patched.error().message);
}

}  // namespace

TEST_CASE_TEMPLATE("a watch tells each change once, in order, later", W, SERIN_STORE_WORLDS) {
    W world;
    REQUIRE(world.store().create(make(pods, "before")));
    Watcher watcher(world, {.type = &pods});
    REQUIRE(world.store().create(make(pods, "a")));
    REQUIRE(world.store().create(make(types::service(), "other-type")));
    patch(world, "a", R"({"spec": {"x": 1}})");
    REQUIRE(world.store().remove(pod("a"), {.grace_seconds = 0}));
    REQUIRE(world.store().create(make(pods, "a")));
    CHECK(watcher.events().empty());
    CHECK(watcher.seen() == "+a ~a -a +a");
    CHECK(watcher.seen().empty());

    std::int64_t last = 0;
    for (const StoreEvent& event : watcher.events()) {
        const std::int64_t version = std::stoll(std::string(event.object.resource_version()));
        CHECK(version > last);
        last = version;
    }
    CHECK(watcher.events()[2].object.integer("/spec/x") == 1);
}

TEST_CASE_TEMPLATE("list and watch from there misses and repeats nothing", W, SERIN_STORE_WORLDS) {
    W world;
    REQUIRE(world.store().create(make(pods, "a")));
    const std::string from = world.store().list({.type = &pods})->resource_version;
    REQUIRE(world.store().create(make(pods, "b")));
    patch(world, "a", R"({"spec": {"x": 1}})");

    Watcher watcher(world, {.type = &pods}, from);
    patch(world, "b", R"({"spec": {"x": 1}})");
    CHECK(watcher.seen() == "+b ~a ~b");
    REQUIRE(world.store().remove(pod("b"), {.grace_seconds = 0}));
    CHECK(watcher.seen() == "-b");

    // From the version of any event, the rest follows.
    const std::string second(watcher.events()[1].object.resource_version());
    CHECK(Watcher(world, {.type = &pods}, second).seen() == "~b -b");
}

TEST_CASE_TEMPLATE("a watch from the start of an empty store sees all", W, SERIN_STORE_WORLDS) {
    W world;
    const std::string from = world.store().list({.type = &pods})->resource_version;
    CHECK(from != "0");
    REQUIRE(world.store().create(make(pods, "a")));
    CHECK(Watcher(world, {.type = &pods}, from).seen() == "+a");
}

TEST_CASE_TEMPLATE("positions out of the history are gone", W, SERIN_STORE_WORLDS) {
    W world;
    const auto watch_from = [&](const std::string& from) {
        return world.store().watch({.type = &pods}, from, [](const auto&) {}, [](const auto&) {});
    };
    const std::string first = world.store().list({.type = &pods})->resource_version;
    REQUIRE(world.store().create(make(pods, "a")));
    std::string recent;
    for (int i = 0; i < 2 * kept_changes; ++i) {
        if (i == kept_changes + 5) {
            recent = world.store().list({.type = &pods})->resource_version;
        }
        REQUIRE(world.store().patch(pod("a"), PatchKind::merge, json::Object{{"spec", i}}));
    }
    CHECK(watch_from(first).error().kind == ErrorKind::gone);
    CHECK(watch_from(recent));
    CHECK(watch_from("999999").error().kind == ErrorKind::gone);
    CHECK(watch_from("x").error().kind == ErrorKind::invalid);
    CHECK(watch_from("-1").error().kind == ErrorKind::invalid);
}

TEST_CASE_TEMPLATE("an object enters and leaves a selection", W, SERIN_STORE_WORLDS) {
    W world;
    const std::string from = world.store().list({.type = &pods})->resource_version;
    const ListQuery shop{
        .type = &pods, .ns = "default", .labels = LabelSelector::parse("app=shop").value()};
    const ListQuery running{
        .type = &pods, .fields = LabelSelector::parse("status.phase=Running").value()};
    Watcher by_label(world, shop);
    Watcher by_field(world, running);

    REQUIRE(world.store().create(make(pods, "a", R"({"metadata": {"labels": {"app": "shop"}}})")));
    REQUIRE(world.store().create(make(pods, "b")));
    REQUIRE(world.store().create(Object(pods, "elsewhere", "c")));
    patch(world, "b", R"({"metadata": {"labels": {"app": "shop"}}})");
    patch(world, "b", R"({"spec": {"x": 1}})");
    patch(world, "a", R"({"metadata": {"labels": {"app": "web"}}})");
    patch(world, "a", R"({"spec": {"x": 1}})");
    REQUIRE(world.store().remove(pod("a"), {.grace_seconds = 0}));
    const std::string seen = by_label.seen();
    CHECK(seen == "+a +b ~b -a");
    CHECK(Watcher(world, shop, from).seen() == seen);

    const auto phase = [&](const char* text) {
        REQUIRE(world.store().patch(pod("b"), PatchKind::merge, parsed(text), Part::status));
    };
    phase(R"({"status": {"phase": "Running"}})");
    phase(R"({"status": {"phase": "Failed"}})");
    CHECK(by_field.seen() == "+b -b");
}

TEST_CASE_TEMPLATE("a destroyed watch is silent, also from within", W, SERIN_STORE_WORLDS) {
    W world;
    int events = 0;
    std::unique_ptr<WatchHandle> handle;
    handle = world.store()
                 .watch(
                     {.type = &pods},
                     "",
                     [&](const StoreEvent&) {
                         ++events;
                         handle.reset();
                     },
                     [](const Error&) { FAIL("ended"); })
                 .value();
    REQUIRE(world.store().create(make(pods, "a")));
    REQUIRE(world.store().create(make(pods, "b")));
    world.settle();
    CHECK(events == 1);
}

TEST_CASE_TEMPLATE("a watcher may write from its callback", W, SERIN_STORE_WORLDS) {
    W world;
    std::string seen;
    const auto handle = world.store().watch(
        {.type = &pods},
        "",
        [&](const StoreEvent& event) {
            seen += event.object.name();
            if (event.object.name() == "a") REQUIRE(world.store().create(make(pods, "b")));
        },
        [](const Error&) {});
    REQUIRE(world.store().create(make(pods, "a")));
    world.settle();
    CHECK(seen == "ab");
}

}  // namespace serin::store
