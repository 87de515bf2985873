#include "store/acceptance.h"

#include <doctest/doctest.h>

// Removal: finalizers, grace, owners.

namespace serin::store {

using namespace std::chrono_literals;

namespace {

const ResourceType& rollouts = types::rollout();
const ResourceType& replica_sets = types::replica_set();
const ResourceType& pods = types::pod();
using Dependents = RemoveOptions::Dependents;

ObjectKey key(const ResourceType& type, std::string_view name) {
    return {&type, "default", std::string(name)};
}

bool exists(World& world, const ObjectKey& key) {
    return world.store().get(key).has_value();
}

Object create_owned(
    World& world, const ResourceType& type, std::string_view name, const Object& owner) {
    Object object = make(type, name);
    object.set_controller(owner);
    return world.store().create(object).value();
}

void add_owner(Object& object, const Object& owner) {
    Object other = object;
    other.set_controller(owner);
    json::Value reference = other.find("/metadata/ownerReferences/0")->as_object();
    reference.get_object()["controller"] = false;
    json::Array owners;
    if (const auto* former = json::array(object.find("/metadata/ownerReferences")))
        owners = *former;
    owners.push_back(reference);
    object.put("/metadata/ownerReferences", owners);
}

}  // namespace

TEST_CASE_TEMPLATE("removal checks its preconditions", W, SERIN_STORE_WORLDS) {
    W world;
    const Object old = world.store().create(make(rollouts, "shop")).value();
    const auto kind = [&](const RemoveOptions& options) {
        return world.store().remove(old.key(), options).error().kind;
    };
    CHECK(kind({.uid = "other"}) == ErrorKind::conflict);
    CHECK(kind({.resource_version = "0"}) == ErrorKind::conflict);
    const Object left = world.store()
                            .remove(
                                old.key(),
                                {.uid = std::string(old.uid()),
                                 .resource_version = std::string(old.resource_version())})
                            .value();
    CHECK(left.uid() == old.uid());
    CHECK(left.resource_version() != old.resource_version());
    CHECK(kind({}) == ErrorKind::not_found);
}

TEST_CASE_TEMPLATE("finalizers hold an object back until the last goes", W, SERIN_STORE_WORLDS) {
    W world;
    const auto finalized = R"({"metadata": {"finalizers": ["serin.dev/a", "serin.dev/b"]}})";
    REQUIRE(world.store().create(make(rollouts, "shop", finalized)));
    Watcher watcher(world, {.type = &rollouts});

    const Object marked = world.store().remove(key(rollouts, "shop")).value();
    CHECK(marked.deletion_time() == world.loop.now());
    CHECK(marked.generation() == 2);
    const Object again = world.store().remove(key(rollouts, "shop")).value();
    CHECK(again.resource_version() == marked.resource_version());

    Object one = marked;
    one.put("/metadata/finalizers", json::Array{"serin.dev/b"});
    one.erase("/metadata/deletionTimestamp");
    one = world.store().update(one).value();
    CHECK(one.is_being_deleted());
    CHECK(watcher.seen() == "~shop ~shop");

    REQUIRE(world.store().patch(
        one.key(), PatchKind::merge, parsed(R"({"metadata": {"finalizers": null}})")));
    CHECK(watcher.seen() == "-shop");
    CHECK_FALSE(exists(world, one.key()));
}

TEST_CASE_TEMPLATE("pods get their grace, once, and it can be cut short", W, SERIN_STORE_WORLDS) {
    W world;
    const Instant start = world.loop.now();
    REQUIRE(world.store().create(make(pods, "plain")));
    REQUIRE(world.store().create(
        make(pods, "own", R"({"spec": {"terminationGracePeriodSeconds": 60}})")));

    CHECK(world.store().remove(key(pods, "plain")).value().deletion_time() == start + 30s);
    Object own = world.store().remove(key(pods, "own")).value();
    CHECK(own.deletion_time() == start + 60s);
    CHECK(own.integer("/metadata/deletionGracePeriodSeconds") == 60);

    world.loop.advance(5s);
    CHECK(world.store().remove(key(pods, "own")).value().deletion_time() == start + 60s);
    own = world.store().remove(key(pods, "own"), {.grace_seconds = 90}).value();
    CHECK(own.deletion_time() == start + 60s);
    own = world.store().remove(key(pods, "own"), {.grace_seconds = 10}).value();
    CHECK(own.deletion_time() == start + 10s);
    own.put("/status/phase", "Succeeded");
    CHECK(world.store().update(own, Part::status).value().is_being_deleted());
    own.erase("/metadata/resourceVersion");
    own.set_annotation("serin.dev/x", "y");
    CHECK(world.store().update(own).value().is_being_deleted());

    REQUIRE(world.store().remove(key(pods, "own"), {.grace_seconds = 0}));
    CHECK_FALSE(exists(world, key(pods, "own")));
}

TEST_CASE_TEMPLATE("a pod with finalizers outlives grace 0", W, SERIN_STORE_WORLDS) {
    W world;
    REQUIRE(world.store().create(make(pods, "a", R"({"metadata": {"finalizers": ["x.y/z"]}})")));
    REQUIRE(world.store().remove(key(pods, "a")));
    REQUIRE(world.store().remove(key(pods, "a"), {.grace_seconds = 0}));
    CHECK(exists(world, key(pods, "a")));
    REQUIRE(world.store().patch(
        key(pods, "a"), PatchKind::merge, parsed(R"({"metadata": {"finalizers": []}})")));
    CHECK_FALSE(exists(world, key(pods, "a")));
}

TEST_CASE_TEMPLATE("what an object owns follows it", W, SERIN_STORE_WORLDS) {
    W world;
    const Object rollout = world.store().create(make(rollouts, "shop")).value();
    const Object set = create_owned(world, replica_sets, "shop-1", rollout);
    create_owned(world, pods, "shop-1-a", set);
    create_owned(world, types::config_map(), "shop-1-c", set);
    const Object other = world.store().create(make(replica_sets, "other")).value();
    create_owned(world, pods, "other-a", other);
    Watcher pods_seen(world, {.type = &pods});
    Watcher sets_seen(world, {.type = &replica_sets});

    REQUIRE(world.store().remove(rollout.key()));
    CHECK_FALSE(exists(world, set.key()));
    CHECK_FALSE(exists(world, key(types::config_map(), "shop-1-c")));
    CHECK(world.store().get(key(pods, "shop-1-a")).value().is_being_deleted());
    CHECK_FALSE(world.store().get(key(pods, "other-a")).value().is_being_deleted());
    CHECK(pods_seen.seen() == "~shop-1-a");
    CHECK(sets_seen.seen() == "-shop-1");
}

TEST_CASE_TEMPLATE("orphans stay, without the reference", W, SERIN_STORE_WORLDS) {
    W world;
    const Object rollout = world.store().create(make(rollouts, "shop")).value();
    const Object set = create_owned(world, replica_sets, "shop-1", rollout);
    REQUIRE(world.store().remove(rollout.key(), {.dependents = Dependents::orphan}));
    CHECK_FALSE(exists(world, rollout.key()));
    CHECK(world.store().get(set.key()).value().find("/metadata/ownerReferences") == nullptr);
}

TEST_CASE_TEMPLATE("a dependent goes with its last owner", W, SERIN_STORE_WORLDS) {
    W world;
    const Object first = world.store().create(make(rollouts, "first")).value();
    const Object second = world.store().create(make(rollouts, "second")).value();
    Object shared = make(types::config_map(), "shared");
    shared.set_controller(first);
    add_owner(shared, second);
    shared = world.store().create(shared).value();

    REQUIRE(world.store().remove(first.key()));
    const Object kept = world.store().get(shared.key()).value();
    CHECK(json::array(kept.find("/metadata/ownerReferences"))->size() == 1);
    CHECK(kept.text("/metadata/ownerReferences/0/uid") == second.uid());
    REQUIRE(world.store().remove(second.key()));
    CHECK_FALSE(exists(world, shared.key()));
}

TEST_CASE_TEMPLATE("owners that own each other end", W, SERIN_STORE_WORLDS) {
    W world;
    const Object a = world.store().create(make(rollouts, "a")).value();
    const Object b = create_owned(world, rollouts, "b", a);
    Object ring = a;
    ring.set_controller(b);
    REQUIRE(world.store().update(ring));
    REQUIRE(world.store().remove(a.key()));
    CHECK(world.store().list({.type = &rollouts})->items.empty());
}

TEST_CASE_TEMPLATE("an owner held back keeps its dependents", W, SERIN_STORE_WORLDS) {
    W world;
    const Object owner =
        world.store()
            .create(make(rollouts, "shop", R"({"metadata": {"finalizers": ["x.y/z"]}})"))
            .value();
    const Object set = create_owned(world, replica_sets, "shop-1", owner);
    REQUIRE(world.store().remove(owner.key()));
    CHECK(exists(world, set.key()));
    REQUIRE(world.store().patch(
        owner.key(), PatchKind::merge, parsed(R"({"metadata": {"finalizers": null}})")));
    CHECK_FALSE(exists(world, owner.key()));
    CHECK_FALSE(exists(world, set.key()));
}

TEST_CASE_TEMPLATE("a namespace takes along what it holds", W, SERIN_STORE_WORLDS) {
    W world;
    REQUIRE(world.store().create(make(types::name_space(), "default")));
    const Object set = world.store().create(make(replica_sets, "shop-1")).value();
    create_owned(world, types::config_map(), "owned", set);
    REQUIRE(world.store().create(make(pods, "a")));
    const Object elsewhere = world.store().create(Object(pods, "other", "a")).value();

    REQUIRE(world.store().remove({&types::name_space(), "", "default"}));
    CHECK_FALSE(exists(world, set.key()));
    CHECK_FALSE(exists(world, key(types::config_map(), "owned")));
    CHECK(world.store().get(key(pods, "a")).value().is_being_deleted());
    CHECK_FALSE(world.store().get(elsewhere.key()).value().is_being_deleted());
}

}  // namespace serin::store
