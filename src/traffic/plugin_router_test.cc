#include "traffic/plugin_router.h"

#include "ports/plugin_exposure.h"

#include <doctest/doctest.h>

#include <map>

namespace serin::traffic {

namespace {

// Keeps objects by key and counts the writes.
class Shelf : public ObjectStore {
public:
    Result<Object> get(const ObjectKey& key) const override {
        const auto found = objects.find(key);
        if (found == objects.end()) return fail(ErrorKind::not_found, "none");
        return found->second;
    }
    Result<ObjectList> list(const ListQuery&) const override { return ObjectList{}; }
    Result<Object> create(Object object) override { return update(std::move(object), Part::main); }
    Result<Object> update(Object object, Part) override {
        ++writes;
        objects[object.key()] = object;
        return object;
    }
    Result<Object> patch(const ObjectKey&, PatchKind, const json::Value&, Part) override {
        return fail(ErrorKind::internal, "not used here");
    }
    Result<Object> remove(const ObjectKey&, const RemoveOptions&) override {
        return fail(ErrorKind::internal, "not used here");
    }
    Result<std::unique_ptr<WatchHandle>> watch(
        const ListQuery&, const std::string&, OnEvent, OnEnd) override {
        return fail(ErrorKind::internal, "not used here");
    }

    std::map<ObjectKey, Object> objects;
    int writes = 0;
};

struct Scene {
    Scene() {
        Object rollout(types::rollout(), "default", "shop");
        rollout.put("/metadata/uid", "u");
        store.objects[rollout.key()] = rollout;
        target = {
            .ns = "default",
            .stable_service = "s",
            .candidate_service = "c",
            .managed_routes = {"a"},
            .side_routes =
                {{.name = "a", .step = 2, .matches = {{.headers = {{"x", {.value = "y"}}}}}}},
            .release = "shop",
            .plugin = "acme/edge"};
    }
    PluginExposure exposure() const {
        return read_exposure(store.objects.at(exposure_key("default", "shop")));
    }
    // What whoever asks the plugin writes.
    void confirm(std::int64_t number) {
        Object& object = store.objects.at(exposure_key("default", "shop"));
        PluginExposure seen = read_exposure(object);
        seen.verified = number;
        seen.in_force = seen.weights;
        seen.confirmed_by = identity_of(target);
        const json::Value change = confirmation(seen);
        for (const auto& member : change.as_object().at("data").as_object()) {
            object.put("/data/" + std::string(member.key()), member.value());
        }
    }

    Shelf store;
    PluginRouter router{store};
    RouteTarget target;
};

}  // namespace

TEST_CASE("a weight is settled when the plugin has confirmed that very wish") {
    Scene scene;
    CHECK_FALSE(scene.router.observe(scene.target)->is_settled);
    REQUIRE(scene.router.apply(scene.target, {.candidate = 20}));
    auto seen = scene.router.observe(scene.target);
    CHECK(seen->written == Split{.candidate = 20});
    CHECK_FALSE(seen->in_force);
    CHECK_FALSE(seen->is_settled);
    scene.confirm(scene.exposure().number);
    CHECK(scene.router.observe(scene.target)->is_settled);

    REQUIRE(scene.router.apply(scene.target, {.candidate = 50, .others = {{"e", 10}}}));
    CHECK(scene.exposure().weights == std::map<std::string, int>{{"c", 50}, {"e", 10}, {"s", 40}});
    seen = scene.router.observe(scene.target);
    CHECK(seen->written == Split{.candidate = 50, .others = {{"e", 10}}});
    CHECK(seen->in_force == Split{.candidate = 20});
    CHECK_FALSE(seen->is_settled);
}

TEST_CASE("wishing for the same again changes nothing") {
    Scene scene;
    REQUIRE(scene.router.apply(scene.target, {.candidate = 20}));
    scene.confirm(scene.exposure().number);
    const int writes = scene.store.writes;
    REQUIRE(scene.router.apply(scene.target, {.candidate = 20}));
    REQUIRE(scene.router.apply_side_routes(scene.target, {}));
    CHECK(scene.store.writes == writes);
    CHECK(scene.router.observe(scene.target)->is_settled);
}

TEST_CASE("side routes are known again by what they say") {
    Scene scene;
    const SideRoute route{.name = "a", .step = 2};
    REQUIRE(scene.router.apply_side_routes(scene.target, {route}));
    CHECK(scene.router.observe(scene.target)->side_routes == std::vector{route});
    // The manifest changes under a release.
    scene.target.side_routes[0].matches[0].headers["x"].value = "z";
    CHECK(
        scene.router.observe(scene.target)->side_routes ==
        std::vector{SideRoute{.name = "a", .step = -1}});
    REQUIRE(scene.router.apply_side_routes(scene.target, {}));
    CHECK(scene.router.observe(scene.target)->side_routes.empty());
}

TEST_CASE("routes lead to the service that was the candidate's when they were wished for") {
    Scene scene;
    const SideRoute route{.name = "a", .step = 2};
    REQUIRE(scene.router.apply_side_routes(scene.target, {route}));
    const std::int64_t number = scene.exposure().number;
    std::swap(scene.target.stable_service, scene.target.candidate_service);
    CHECK_FALSE(leads_to_candidate(scene.exposure(), scene.target));
    CHECK(
        scene.router.observe(scene.target)->side_routes ==
        std::vector{SideRoute{.name = "a", .step = -1}});
    // The same for the next candidate is another wish.
    REQUIRE(scene.router.apply_side_routes(scene.target, {route}));
    CHECK(scene.exposure().number == number + 1);
    CHECK(leads_to_candidate(scene.exposure(), scene.target));
    CHECK(scene.router.observe(scene.target)->side_routes == std::vector{route});
}

TEST_CASE("services that change roles keep their weights") {
    Scene scene;
    REQUIRE(scene.router.apply(scene.target, {.candidate = 100}));
    std::swap(scene.target.stable_service, scene.target.candidate_service);
    CHECK(scene.router.observe(scene.target)->written == Split{.candidate = 0});
}

}  // namespace serin::traffic
