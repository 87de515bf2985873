#include "store/acceptance.h"

#include <doctest/doctest.h>

#include <set>

// Create, read, update, patch: what every store makes of a write.

namespace serin::store {

using namespace std::chrono_literals;

namespace {

const ResourceType& rollouts = types::rollout();

ErrorKind kind(const Result<Object>& result) {
    REQUIRE_FALSE(result);
    return result.error().kind;
}

}  // namespace

TEST_CASE_TEMPLATE("creation stamps the envelope and drops status", W, SERIN_STORE_WORLDS) {
    W world;
    const Object made = world.store()
                            .create(make(rollouts, "shop", R"({
            "metadata": {"creationTimestamp": null, "uid": "mine", "labels": {"app": "shop"},
                         "resourceVersion": "17", "deletionTimestamp": "2020-01-01T00:00:00Z"},
            "spec": {"replicas": 3}, "status": {"phase": "Healthy"}})"))
                            .value();
    CHECK(made.uid().size() == 36);
    CHECK(made.created() == world.loop.now());
    CHECK(made.generation() == 1);
    CHECK_FALSE(made.resource_version().empty());
    CHECK_FALSE(made.is_being_deleted());
    CHECK(made.find("/status") == nullptr);
    CHECK(made.integer("/spec/replicas") == 3);

    const Object read = world.store().get(made.key()).value();
    CHECK(json::same(read.document(), made.document()));
    CHECK(kind(world.store().create(made)) == ErrorKind::exists);
    CHECK(kind(world.store().get({&rollouts, "other", "shop"})) == ErrorKind::not_found);
}

TEST_CASE_TEMPLATE("status of a type without the subresource is content", W, SERIN_STORE_WORLDS) {
    W world;
    const Object made =
        world.store().create(make(types::config_map(), "c", R"({"status": 1})")).value();
    CHECK(made.integer("/status") == 1);
    CHECK(kind(world.store().update(made, Part::status)) == ErrorKind::invalid);
}

TEST_CASE_TEMPLATE("names are checked", W, SERIN_STORE_WORLDS) {
    W world;
    ObjectStore& store = world.store();
    for (const char* name : {"", "Shop", "-shop", "shop-", "a..b", "a_b", "shop.", "a/b"}) {
        CAPTURE(name);
        CHECK(kind(store.create(make(rollouts, name))) == ErrorKind::invalid);
    }
    CHECK(kind(store.create(make(rollouts, std::string(254, 'a')))) == ErrorKind::invalid);
    CHECK(store.create(make(rollouts, std::string(253, 'a'))));
    CHECK(store.create(make(rollouts, "a.b-c.9")));
    CHECK(kind(store.create(make(types::service(), "a.b"))) == ErrorKind::invalid);
    CHECK(kind(store.create(make(types::name_space(), "a.b"))) == ErrorKind::invalid);

    CHECK(kind(store.create(Object(rollouts, "", "shop"))) == ErrorKind::invalid);
    CHECK(kind(store.create(Object(rollouts, "Bad", "shop"))) == ErrorKind::invalid);
    CHECK(kind(store.create(Object(types::gateway_class(), "default", "x"))) == ErrorKind::invalid);
    CHECK(kind(store.create(Object(json::Object{{"kind", "Nothing"}}))) == ErrorKind::invalid);
    CHECK(
        kind(store.create(Object(json::Object{{"apiVersion", "v1"}, {"kind", "Pod"}}))) ==
        ErrorKind::invalid);
}

TEST_CASE_TEMPLATE(
    "labels, annotations, owners and finalizers are checked", W, SERIN_STORE_WORLDS) {
    W world;
    for (const char* metadata :
         {R"({"labels": {"a b": "x"}})",
          R"({"labels": {"a": "b c"}})",
          R"({"labels": {"a": 1}})",
          R"({"labels": []})",
          R"({"annotations": {"a": 1}})",
          R"({"annotations": {"/a": "x"}})",
          R"({"finalizers": "x"})",
          R"({"finalizers": [""]})",
          R"({"ownerReferences": [{"name": "x"}]})"}) {
        CAPTURE(metadata);
        const std::string members = std::string(R"({"metadata": )") + metadata + "}";
        CHECK(kind(world.store().create(make(rollouts, "shop", members))) == ErrorKind::invalid);
    }
    CHECK(world.store().create(make(rollouts, "shop", R"({"metadata": {
        "labels": {"app.kubernetes.io/name": "shop", "empty": ""},
        "annotations": {"serin.dev/x": "any text {}"}, "finalizers": ["serin.dev/hold"]}})")));
}

TEST_CASE_TEMPLATE("generated names are new and valid", W, SERIN_STORE_WORLDS) {
    W world;
    const Object pod = make(types::pod(), "", R"({"metadata": {"generateName": "shop-"}})");
    std::set<std::string> seen;
    for (int i = 0; i < 20; ++i) {
        const std::string name(world.store().create(pod).value().name());
        CHECK(name.starts_with("shop-"));
        CHECK(name.size() == 10);
        seen.insert(name);
    }
    CHECK(seen.size() == 20);
}

TEST_CASE_TEMPLATE("an update with an old version is a conflict", W, SERIN_STORE_WORLDS) {
    W world;
    Object first =
        world.store().create(make(rollouts, "shop", R"({"spec": {"replicas": 1}})")).value();
    Object second = first;
    second.put("/spec/replicas", 2);
    second = world.store().update(second).value();
    CHECK(second.resource_version() != first.resource_version());

    first.put("/spec/replicas", 3);
    CHECK(kind(world.store().update(first)) == ErrorKind::conflict);
    first.erase("/metadata/resourceVersion");
    CHECK(world.store().update(first).value().integer("/spec/replicas") == 3);

    const json::Value stale = json::Object{
        {"metadata", json::Object{{"resourceVersion", second.resource_version()}}},
        {"spec", json::Object{{"replicas", 4}}}};
    CHECK(kind(world.store().patch(first.key(), PatchKind::merge, stale)) == ErrorKind::conflict);
    CHECK(kind(world.store().update(make(rollouts, "other"))) == ErrorKind::not_found);
}

TEST_CASE_TEMPLATE("main and status are written apart", W, SERIN_STORE_WORLDS) {
    W world;
    Object made =
        world.store().create(make(rollouts, "shop", R"({"spec": {"replicas": 1}})")).value();

    Object both = made;
    both.put("/spec/replicas", 2);
    both.put("/status/phase", "Healthy");
    both.set_label("app", "shop");
    Object after_status = world.store().update(both, Part::status).value();
    CHECK(after_status.text("/status/phase") == "Healthy");
    CHECK(after_status.integer("/spec/replicas") == 1);
    CHECK_FALSE(after_status.label("app"));
    CHECK(after_status.generation() == 1);

    both.erase("/metadata/resourceVersion");
    both.put("/status/phase", "Degraded");
    const Object after_main = world.store().update(both).value();
    CHECK(after_main.text("/status/phase") == "Healthy");
    CHECK(after_main.integer("/spec/replicas") == 2);
    CHECK(after_main.label("app") == "shop");
    CHECK(after_main.generation() == 2);

    const auto patched = world.store().patch(
        made.key(),
        PatchKind::merge,
        parsed(R"({"status": {"phase": "Paused"}, "spec": {"replicas": 9}})"),
        Part::status);
    CHECK(patched.value().text("/status/phase") == "Paused");
    CHECK(patched.value().integer("/spec/replicas") == 2);
}

TEST_CASE_TEMPLATE("generation counts content, not metadata", W, SERIN_STORE_WORLDS) {
    W world;
    const ObjectKey key = world.store().create(make(rollouts, "shop")).value().key();
    const auto generation = [&](const char* patch) {
        return world.store().patch(key, PatchKind::merge, parsed(patch)).value().generation();
    };
    CHECK(generation(R"({"metadata": {"labels": {"a": "b"}}})") == 1);
    CHECK(generation(R"({"spec": {"replicas": 2}})") == 2);
    CHECK(generation(R"({"metadata": {"generation": 70}})") == 2);
    CHECK(generation(R"({"spec": null})") == 3);
}

TEST_CASE_TEMPLATE("a write that changes nothing is no write", W, SERIN_STORE_WORLDS) {
    W world;
    const Object made =
        world.store().create(make(rollouts, "shop", R"({"spec": {"replicas": 1}})")).value();
    Watcher watcher(world, {.type = &rollouts});
    CHECK(world.store().update(made).value().resource_version() == made.resource_version());
    const auto same = parsed(R"({"spec": {"replicas": 1.0}, "metadata": {"labels": null}})");
    CHECK(
        world.store().patch(made.key(), PatchKind::merge, same).value().resource_version() ==
        made.resource_version());
    CHECK(world.store().update(made, Part::status));
    CHECK(watcher.seen().empty());
}

TEST_CASE_TEMPLATE("identity is immutable", W, SERIN_STORE_WORLDS) {
    W world;
    const Object made = world.store().create(make(rollouts, "shop")).value();
    for (const char* patch :
         {R"({"metadata": {"uid": "other"}})",
          R"({"metadata": {"name": "other"}})",
          R"({"metadata": {"namespace": "other"}})",
          R"({"metadata": {"creationTimestamp": "2020-01-01T00:00:00Z"}})",
          R"({"kind": "Experiment"})",
          R"({"apiVersion": "v1"})",
          R"({"metadata": null})",
          R"({"metadata": 1})",
          R"([])"}) {
        CAPTURE(patch);
        CHECK(
            kind(world.store().patch(made.key(), PatchKind::merge, parsed(patch))) ==
            ErrorKind::invalid);
    }
    // What only the store sets is ignored, not refused.
    const auto forged = parsed(R"({"metadata": {"deletionTimestamp": "2020-01-01T00:00:00Z"}})");
    CHECK_FALSE(
        world.store().patch(made.key(), PatchKind::merge, forged).value().is_being_deleted());
}

TEST_CASE_TEMPLATE("each patch language changes the object", W, SERIN_STORE_WORLDS) {
    W world;
    const ObjectKey rollout =
        world.store()
            .create(make(rollouts, "shop", R"({"spec": {"a": 1, "b": [1, 2]}})"))
            .value()
            .key();
    const auto after_json = world.store().patch(
        rollout, PatchKind::json, parsed(R"([{"op": "test", "path": "/spec/a", "value": 1},
                   {"op": "add", "path": "/spec/b/-", "value": 3},
                   {"op": "remove", "path": "/spec/a"}])"));
    CHECK(json::print(*after_json.value().find("/spec")) == R"({"b":[1,2,3]})");
    CHECK(
        kind(world.store().patch(
            rollout,
            PatchKind::json,
            parsed(R"([{"op": "test", "path": "/spec/b/0", "value": 7}])"))) == ErrorKind::invalid);
    CHECK(
        kind(world.store().patch(rollout, PatchKind::strategic, parsed("{}"))) ==
        ErrorKind::invalid);

    const ObjectKey deployment =
        world.store()
            .create(make(types::deployment(), "shop", R"({"spec": {"template": {"spec": {
                "containers": [{"name": "a", "image": "x:1"}, {"name": "b", "image": "y:1"}]}}}})"))
            .value()
            .key();
    const auto after_strategic = world.store().patch(
        deployment,
        PatchKind::strategic,
        parsed(
            R"({"spec": {"template": {"spec": {"containers": [{"name": "b", "image": "y:2"}]}}}})"));
    CHECK(after_strategic.value().text("/spec/template/spec/containers/0/image") == "x:1");
    CHECK(after_strategic.value().text("/spec/template/spec/containers/1/image") == "y:2");
    CHECK(
        kind(world.store().patch({&rollouts, "default", "no"}, PatchKind::merge, parsed("{}"))) ==
        ErrorKind::not_found);
}

TEST_CASE_TEMPLATE("an object too large is refused", W, SERIN_STORE_WORLDS) {
    W world;
    Object large = make(types::config_map(), "large");
    large.put("/data/x", json::string(std::string(2'000'000, 'x')));
    CHECK(kind(world.store().create(large)) == ErrorKind::invalid);
}

TEST_CASE_TEMPLATE("lists are ordered, selected and scoped", W, SERIN_STORE_WORLDS) {
    W world;
    ObjectStore& store = world.store();
    for (const char* name : {"c", "a", "b"}) {
        Object pod = make(types::pod(), name);
        pod.set_label("app", name == std::string_view("b") ? "web" : "shop");
        pod.put("/spec/nodeName", name == std::string_view("a") ? "n1" : "n2");
        REQUIRE(store.create(pod));
    }
    REQUIRE(store.create(Object(types::pod(), "another", "z")));
    REQUIRE(store.create(make(rollouts, "a")));

    const auto list = [&](const char* ns, const char* labels, const char* fields) {
        return names(store
                         .list(
                             {.type = &types::pod(),
                              .ns = ns,
                              .labels = LabelSelector::parse(labels).value(),
                              .fields = LabelSelector::parse(fields).value()})
                         .value());
    };
    CHECK(list("", "", "") == "z a b c");
    CHECK(list("default", "", "") == "a b c");
    CHECK(list("nowhere", "", "").empty());
    CHECK(list("default", "app=shop", "") == "a c");
    CHECK(list("default", "app!=shop", "") == "b");
    CHECK(list("", "!app", "") == "z");
    CHECK(list("default", "", "metadata.name=b") == "b");
    CHECK(list("", "", "metadata.namespace=another") == "z");
    CHECK(list("", "app", "spec.nodeName=n2") == "b c");
    CHECK(list("", "", "spec.nodeName=") == "z");
    CHECK(list("", "", "status.phase!=Running") == "z a b c");
}

TEST_CASE_TEMPLATE("pages hold everything once and can be watched from", W, SERIN_STORE_WORLDS) {
    W world;
    ObjectStore& store = world.store();
    for (const char* name : {"a", "b", "c", "d", "e"}) REQUIRE(store.create(make(rollouts, name)));

    ListQuery query{.type = &rollouts, .ns = "default", .limit = 2};
    ObjectList page = store.list(query).value();
    CHECK(names(page) == "a b");
    const std::string version = page.resource_version;
    REQUIRE(store.patch({&rollouts, "default", "a"}, PatchKind::merge, parsed(R"({"spec": 1})")));

    query.continue_at = page.continue_at;
    page = store.list(query).value();
    CHECK(names(page) == "c d");
    CHECK(page.resource_version == version);
    query.continue_at = page.continue_at;
    page = store.list(query).value();
    CHECK(names(page) == "e");
    CHECK(page.continue_at.empty());
    CHECK(Watcher(world, {.type = &rollouts}, page.resource_version).seen() == "~a");

    query.continue_at = "nonsense";
    CHECK(store.list(query).error().kind == ErrorKind::invalid);
    for (int i = 0; i < 2 * kept_changes; ++i) {
        REQUIRE(
            store.patch({&rollouts, "default", "a"}, PatchKind::merge, json::Object{{"spec", i}}));
    }
    query.continue_at = version + ":default:b";
    CHECK(store.list(query).error().kind == ErrorKind::gone);
}

}  // namespace serin::store
