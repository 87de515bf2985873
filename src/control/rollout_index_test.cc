#include "control/rollout_index.h"

#include <doctest/doctest.h>

namespace serin::control {

namespace {

// Every Rollout with a router has the one route that its manifest names.
class OneRoute : public TrafficRouter {
public:
    RouterLimits limits() const override { return {}; }
    Result<std::vector<ObjectKey>> objects(const RouteTarget& target) const override {
        const auto name = json::text(target.config.if_contains("httpRoute")).value_or("");
        return std::vector{ObjectKey{&types::http_route(), target.ns, std::string(name)}};
    }
    Result<SplitSeen> observe(const RouteTarget& /*target*/) const override { return SplitSeen{}; }
    Result<> apply(const RouteTarget& /*target*/, Split /*wanted*/) override { return {}; }
};

Object rollout(std::string_view name, std::string_view canary, std::int64_t generation = 1) {
    Object made(types::rollout(), "default", name);
    made.put("/metadata/uid", json::string(name));
    made.put("/metadata/generation", generation);
    made.put("/spec/strategy/canary", json::parse(canary).value());
    return made;
}

ObjectKey service(std::string_view name, std::string_view ns = "default") {
    return {&types::service(), std::string(ns), std::string(name)};
}

std::string naming(const RolloutIndex& index, const ObjectKey& object) {
    std::string names;
    for (const ObjectKey& key : index.naming(object)) names += key.name + " ";
    return names;
}

constexpr std::string_view routed =
    R"({"stableService": "a-stable", "canaryService": "a-canary", "steps": [{"setWeight": 5}],
        "trafficRouting": {"plugins": {"argoproj-labs/gatewayAPI":
            {"httpRoute": "web", "namespace": "default"}}}})";

}  // namespace

TEST_CASE("a service finds the releases that name it, and no others") {
    const OneRoute router;
    RolloutIndex index(router);
    index.see(rollout("a", routed));
    index.see(rollout("b", R"({"stableService": "a-stable"})"));
    index.see(rollout("c", R"({"stableService": "c-stable"})"));
    CHECK(naming(index, service("a-stable")) == "a b ");
    CHECK(naming(index, service("a-canary")) == "a ");
    CHECK(naming(index, service("a-stable", "other")).empty());
    CHECK(naming(index, {&types::http_route(), "default", "web"}) == "a ");
}

TEST_CASE("a workload finds the release that takes its template") {
    const OneRoute router;
    RolloutIndex index(router);
    Object taking = rollout("a", "{}");
    taking.put(
        "/spec/workloadRef",
        json::Object{{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"name", "shop"}});
    index.see(taking);
    CHECK(naming(index, {&types::deployment(), "default", "shop"}) == "a ");
    CHECK(naming(index, {&types::replica_set(), "default", "shop"}).empty());
}

TEST_CASE("what a release names follows its spec, and goes with it") {
    const OneRoute router;
    RolloutIndex index(router);
    index.see(rollout("a", R"({"stableService": "old"})"));
    index.see(rollout("a", R"({"stableService": "new"})", 2));
    CHECK(naming(index, service("old")).empty());
    CHECK(naming(index, service("new")) == "a ");

    Object successor = rollout("a", R"({"stableService": "newest"})", 2);
    successor.put("/metadata/uid", "another");
    index.see(successor);
    CHECK(naming(index, service("newest")) == "a ");

    index.forget(successor.key());
    index.forget(successor.key());
    CHECK(naming(index, service("newest")).empty());
}

}  // namespace serin::control
