#include "store/acceptance.h"

#include <doctest/doctest.h>

#include <string>

// Asking for the children of one owner.

namespace serin::store {

namespace {

const ResourceType& pods = types::pod();

Object child(std::string_view name, const Object& owner, std::string_view ns = "default") {
    Object object = make(pods, name);
    object.put("/metadata/namespace", json::string(ns));
    object.set_controller(owner);
    return object;
}

std::string listed(World& world, const ListQuery& query) {
    const auto list = world.store().list(query);
    REQUIRE_MESSAGE(list, list.error().message);
    return names(*list);
}

ListQuery of(const Object& owner) {
    return {.type = &pods, .ns = "default", .owner_uid = std::string(owner.uid())};
}

}  // namespace

TEST_CASE_TEMPLATE("the children of an owner are those it controls", W, SERIN_STORE_WORLDS) {
    W world;
    ObjectStore& store = world.store();
    const Object left = store.create(make(types::replica_set(), "left")).value();
    const Object right = store.create(make(types::replica_set(), "right")).value();
    for (const char* name : {"b", "a", "c"}) REQUIRE(store.create(child(name, left)));
    REQUIRE(store.create(child("d", right)));
    REQUIRE(store.create(child("elsewhere", left, "other")));
    REQUIRE(store.create(make(pods, "free")));
    Object merely_owned = child("owned", left);
    merely_owned.put(
        "/metadata/ownerReferences",
        json::Array{json::Object{
            {"apiVersion", "apps/v1"},
            {"kind", "ReplicaSet"},
            {"name", "left"},
            {"uid", left.uid()}}});
    REQUIRE(store.create(merely_owned));

    CHECK(listed(world, of(left)) == "a b c");
    CHECK(listed(world, of(right)) == "d");
    CHECK(
        listed(world, {.type = &pods, .owner_uid = std::string(left.uid())}) == "a b c elsewhere");
    CHECK(listed(world, {.type = &pods, .ns = "default", .owner_uid = ""}) == "free owned");
    CHECK(listed(world, {.type = &pods, .owner_uid = "nobody"}).empty());
    CHECK(listed(world, {.type = &types::service(), .owner_uid = std::string(left.uid())}).empty());
}

TEST_CASE_TEMPLATE("children are selected by label and page by page too", W, SERIN_STORE_WORLDS) {
    W world;
    ObjectStore& store = world.store();
    const Object owner = store.create(make(types::replica_set(), "owner")).value();
    for (const char* name : {"a", "b", "c", "d"}) {
        Object one = child(name, owner);
        one.set_label("even", std::string_view("bd").contains(name) ? "yes" : "no");
        REQUIRE(store.create(one));
    }
    ListQuery query = of(owner);
    query.labels = LabelSelector::equal_to({{"even", "yes"}});
    CHECK(listed(world, query) == "b d");

    ListQuery paged = of(owner);
    paged.limit = 3;
    const ObjectList first = store.list(paged).value();
    CHECK(names(first) == "a b c");
    paged.continue_at = first.continue_at;
    CHECK(listed(world, paged) == "d");
}

TEST_CASE_TEMPLATE(
    "children that change hands are found with the new owner", W, SERIN_STORE_WORLDS) {
    W world;
    ObjectStore& store = world.store();
    const Object left = store.create(make(types::replica_set(), "left")).value();
    const Object right = store.create(make(types::replica_set(), "right")).value();
    Object moved = store.create(child("moved", left)).value();
    REQUIRE(store.create(child("removed", left)));
    Watcher watcher(world, of(left));

    moved.set_controller(right);
    REQUIRE(store.update(moved));
    REQUIRE(store.remove({&pods, "default", "removed"}, {.grace_seconds = 0}));
    CHECK(listed(world, of(left)).empty());
    CHECK(listed(world, of(right)) == "moved");
    CHECK(watcher.seen() == "-moved -removed");

    REQUIRE(store.remove(right.key(), {.dependents = RemoveOptions::Dependents::orphan}));
    CHECK(listed(world, of(right)).empty());
    CHECK(listed(world, {.type = &pods, .owner_uid = ""}) == "moved");
}

TEST_CASE_TEMPLATE("a watch of children tells of no others", W, SERIN_STORE_WORLDS) {
    W world;
    ObjectStore& store = world.store();
    const Object left = store.create(make(types::replica_set(), "left")).value();
    const Object right = store.create(make(types::replica_set(), "right")).value();
    const std::string from = store.list({.type = &pods})->resource_version;
    REQUIRE(store.create(child("a", left)));
    REQUIRE(store.create(child("b", right)));
    Watcher late(world, of(left), from);
    Watcher at_once(world, of(left));
    REQUIRE(store.create(child("c", left)));
    REQUIRE(store.create(make(pods, "d")));
    CHECK(late.seen() == "+a +c");
    CHECK(at_once.seen() == "+c");
}

TEST_CASE_TEMPLATE("an object that was read stays as it was", W, SERIN_STORE_WORLDS) {
    W world;
    ObjectStore& store = world.store();
    const ObjectKey key{&pods, "default", "a"};
    const Object made = store.create(make(pods, "a", R"({"spec": {"x": 1}})")).value();
    Object read = store.get(key).value();
    const Object copy = read;
    read.put("/spec/x", 2);
    CHECK(copy.integer("/spec/x") == 1);
    CHECK(store.get(key)->integer("/spec/x") == 1);
    REQUIRE(store.update(read));
    read.put("/spec/x", 3);
    CHECK(made.integer("/spec/x") == 1);
    CHECK(copy.integer("/spec/x") == 1);
    CHECK(store.get(key)->integer("/spec/x") == 2);
}

}  // namespace serin::store
