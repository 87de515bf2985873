#include <doctest/doctest.h>
#include <fmt/format.h>

#include "cluster_world.h"

// The claims of the acceptance suite of object stores (src/store/acceptance_*_test.cc) on a real
// API, with objects that a cluster takes.
//
// Held by the local stores alone, because Kubernetes has it otherwise: what an object owns goes
// with it at once (here the garbage collector follows later), a patch that forges uid or name is
// `invalid` (here `conflict` or `invalid`, as the API sees it), a page can be continued by any
// reader, and resource versions of different types are one order of events.

namespace serin::kubernetes {

namespace {

const ResourceType& configs = types::config_map();
const ResourceType& groups = types::replica_set();

json::Value parsed(std::string_view text) {
    return json::parse(text).value();
}

}  // namespace

TEST_CASE("what is created is read at once, by who made it and by others") {
    ClusterWorld world;
    const auto store = world.open();
    const auto other = world.open();
    const auto made = store->create(world.config("a"));
    REQUIRE_MESSAGE(made, made.error().message);
    CHECK_FALSE(made->uid().empty());
    CHECK_FALSE(made->resource_version().empty());
    CHECK(made->find("/metadata/managedFields") == nullptr);
    CHECK(store->get(made->key())->text("/data/x") == "1");
    world.await([&] { return other->get(made->key()).has_value(); });
    CHECK(kind_of(store->create(world.config("a"))) == ErrorKind::exists);
    CHECK(kind_of(store->get(world.key(configs, "none"))) == ErrorKind::not_found);
    CHECK(kind_of(store->create(world.config("Not_A_Name"))) == ErrorKind::invalid);

    Object generated = world.config("");
    generated.erase("/metadata/name");
    generated.put("/metadata/generateName", "made-");
    CHECK(store->create(generated)->name().starts_with("made-"));
}

TEST_CASE("a write with a version is for that version alone") {
    ClusterWorld world;
    const auto store = world.open();
    Object made = store->create(world.config("a")).value();
    Object stale = made;
    made.put("/data/x", "2");
    const Object second = store->update(made).value();
    CHECK(second.resource_version() != made.resource_version());
    stale.put("/data/x", "3");
    CHECK(kind_of(store->update(stale)) == ErrorKind::conflict);
    stale.erase("/metadata/resourceVersion");
    CHECK(store->update(stale)->text("/data/x") == "3");
    const auto patch = fmt::format(
        R"({{"metadata": {{"resourceVersion": "{}"}}, "data": {{"x": "4"}}}})",
        second.resource_version());
    CHECK(
        kind_of(store->patch(made.key(), PatchKind::merge, parsed(patch))) == ErrorKind::conflict);
    CHECK(kind_of(store->update(world.config("missing"))) == ErrorKind::not_found);

    // Nothing new is no write.
    const Object third = store->get(made.key()).value();
    CHECK(store->update(third)->resource_version() == third.resource_version());
}

TEST_CASE("main and status are written apart, and generation counts content") {
    ClusterWorld world;
    const auto store = world.open();
    Object both = store->create(world.group("a")).value();
    both.erase("/metadata/resourceVersion");  // The cluster's own controller writes as well.
    both.put("/spec/minReadySeconds", 7);
    both.put("/status/replicas", 0);
    both.put("/status/observedGeneration", 9);
    Object after = store->update(both, Part::status).value();
    CHECK(after.integer("/status/observedGeneration") == 9);
    CHECK(after.integer("/spec/minReadySeconds") == 0);
    CHECK(after.generation() == 1);
    const auto patched =
        store->patch(both.key(), PatchKind::merge, parsed(R"({"spec": {"minReadySeconds": 5}})"));
    CHECK(patched->generation() == 2);
    CHECK(patched->integer("/spec/minReadySeconds") == 5);
}

TEST_CASE("each patch language changes the object") {
    ClusterWorld world;
    const auto store = world.open();
    const ObjectKey key = store->create(world.group("a"))->key();
    const auto strategic =
        store->patch(key, PatchKind::strategic, parsed(R"({"metadata": {"labels": {"l": "1"}}})"));
    REQUIRE_MESSAGE(strategic, strategic.error().message);
    CHECK(strategic->label("l") == "1");
    const auto by_json = store->patch(
        key, PatchKind::json, parsed(R"([{"op": "test", "path": "/metadata/labels/l", "value": "1"},
                   {"op": "replace", "path": "/metadata/labels/l", "value": "2"}])"));
    CHECK(by_json->label("l") == "2");
    CHECK(
        kind_of(store->patch(
            key,
            PatchKind::json,
            parsed(R"([{"op": "test", "path": "/metadata/labels/l", "value": "1"}])"))) ==
        ErrorKind::invalid);
    CHECK(
        kind_of(store->patch(world.key(groups, "no"), PatchKind::merge, parsed("{}"))) ==
        ErrorKind::not_found);
}

TEST_CASE("lists are selected, scoped and read in pages") {
    ClusterWorld world;
    const auto store = world.open();
    for (const char* name : {"c", "a", "b"}) {
        Object object = world.config(name);
        object.set_label("app", name == std::string_view("b") ? "web" : "shop");
        REQUIRE(store->create(object));
    }
    const auto names = [&](const char* labels, const char* fields, std::int64_t limit = 0) {
        const auto list = store->list(
            {.type = &configs,
             .ns = world.ns,
             .labels = LabelSelector::parse(labels).value(),
             .fields = LabelSelector::parse(fields).value(),
             .limit = limit});
        REQUIRE_MESSAGE(list, list.error().message);
        std::string all;
        for (const Object& one : list->items) {
            if (one.name().size() == 1) all += one.name();
        }
        return all;
    };
    CHECK(names("", "") == "abc");
    CHECK(names("app=shop", "") == "ac");
    CHECK(names("app!=shop", "") == "b");
    CHECK(names("app in (web, none)", "") == "b");
    CHECK(names("", "metadata.name=b") == "b");
    CHECK(names("app=shop", "", 100) == "ac");
    CHECK(names("app=shop", "", 1) == "a");
    // Types that the cluster lacks have no objects.
    CHECK(store->list({.type = &types::http_route()})->items.empty());
    CHECK(kind_of(store->get(world.key(types::http_route(), "x"))) == ErrorKind::not_found);
}

TEST_CASE("a watch tells each change once, in order, later") {
    ClusterWorld world;
    const auto store = world.open();
    const auto other = world.open();
    world.settle(*store);
    Told told(*store, {.type = &configs});
    Told apart(*other, {.type = &configs});
    REQUIRE(store->create(world.config("a")));
    REQUIRE(
        store->patch(world.key(configs, "a"), PatchKind::merge, parsed(R"({"data": {"x": "2"}})")));
    REQUIRE(store->remove(world.key(configs, "a")));
    CHECK(kind_of(store->get(world.key(configs, "a"))) == ErrorKind::not_found);
    REQUIRE(store->create(world.config("a")));
    CHECK(store->get(world.key(configs, "a"))->text("/data/x") == "1");
    CHECK(told.text.empty());
    world.settle(*store);
    CHECK(told.text == " +a ~a -a +a");
    world.settle(*other);
    CHECK(apart.text == " +a ~a -a +a");
}

TEST_CASE("list and watch from there misses and repeats nothing") {
    ClusterWorld world;
    const auto store = world.open();
    REQUIRE(store->create(world.config("a")));
    const std::string from = store->list({.type = &configs})->resource_version;
    REQUIRE(store->create(world.config("b")));
    Told told(*store, {.type = &configs}, from);
    REQUIRE(store->remove(world.key(configs, "a")));
    world.settle(*store);
    CHECK(told.text == " +b -a");
}

TEST_CASE("an object enters and leaves a selection") {
    ClusterWorld world;
    const auto store = world.open();
    Told told(*store, {.type = &configs, .labels = LabelSelector::parse("app=shop").value()});
    REQUIRE(store->create(world.config("a")));
    const auto label = [&](const char* value) {
        REQUIRE(store->patch(
            world.key(configs, "a"),
            PatchKind::merge,
            parsed(fmt::format(R"({{"metadata": {{"labels": {{"app": "{}"}}}}}})", value))));
    };
    label("shop");
    label("web");
    world.settle(*store);
    CHECK(told.text == " +a -a");
}

TEST_CASE("removal checks its preconditions and waits for finalizers") {
    ClusterWorld world;
    const auto store = world.open();
    Object made = world.config("a");
    made.put("/metadata/finalizers", json::Array{"serin.dev/hold"});
    made = store->create(made).value();
    CHECK(kind_of(store->remove(made.key(), {.uid = "other"})) == ErrorKind::conflict);
    const Object marked = store->remove(made.key(), {.uid = std::string(made.uid())}).value();
    CHECK(marked.is_being_deleted());
    CHECK(store->get(made.key())->is_being_deleted());
    Told told(*store, {.type = &configs});
    REQUIRE(store->patch(
        made.key(), PatchKind::merge, parsed(R"({"metadata": {"finalizers": null}})")));
    world.settle(*store);
    CHECK(told.text.ends_with("-a"));
    CHECK(kind_of(store->get(made.key())) == ErrorKind::not_found);
    CHECK(kind_of(store->remove(made.key())) == ErrorKind::not_found);
}

TEST_CASE("what is not followed is asked of the API, and what may not be written is not") {
    ClusterWorld world;
    bool may_write = true;
    const auto store = world.open([&]() -> Result<> {
        if (may_write) return {};
        return fail(ErrorKind::unavailable, "not the leader");
    });
    Object secret(types::secret(), world.ns, "token");
    secret.put("/stringData/a", "b");
    REQUIRE(store->create(secret));
    CHECK(store->get(secret.key())->text("/data/a") == "Yg==");
    const auto watch =
        store->watch({.type = &types::secret()}, "", [](const auto&) {}, [](const auto&) {});
    CHECK(watch.error().kind == ErrorKind::invalid);

    may_write = false;
    CHECK(kind_of(store->remove(secret.key())) == ErrorKind::unavailable);
    CHECK(kind_of(store->create(world.config("b"))) == ErrorKind::unavailable);
    CHECK(store->get(secret.key()));
}

}  // namespace serin::kubernetes
