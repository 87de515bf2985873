#include "traffic/object_router.h"

#include <doctest/doctest.h>

namespace serin::traffic {
namespace {

// A cluster that has Rollouts, and no kind of any router.
class BareStore : public ObjectStore {
public:
    Result<Object> get(const ObjectKey& key) const override {
        if (key.type == &types::rollout()) return Object(*key.type, key.ns, key.name);
        return fail(ErrorKind::not_found, "not found");
    }
    Result<Object> create(Object) override {
        return fail(ErrorKind::not_found, "the API answered with status 404");
    }
    Result<Object> update(Object object, Part) override { return object; }
    Result<ObjectList> list(const ListQuery&) const override { return ObjectList{}; }
    Result<Object> patch(const ObjectKey&, PatchKind, const json::Value&, Part) override {
        return fail(ErrorKind::internal, "not used");
    }
    Result<Object> remove(const ObjectKey&, const RemoveOptions&) override {
        return fail(ErrorKind::internal, "not used");
    }
    Result<std::unique_ptr<WatchHandle>> watch(
        const ListQuery&, const std::string&, OnEvent, OnEnd) override {
        return fail(ErrorKind::internal, "not used");
    }
};

}  // namespace

TEST_CASE("an object that the router would make tells which kind the cluster lacks") {
    BareStore store;
    ObjectRouter router(store);
    const RouteTarget target{
        .ns = "default",
        .stable_service = "stable",
        .candidate_service = "canary",
        .release = "shop",
        .router = "smi"};
    const auto refused = router.apply(target, {.candidate = 5});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::not_found);
    CHECK(refused.error().message.contains("install trafficsplits.split.smi-spec.io v1alpha2"));
}

}  // namespace serin::traffic
