#include "gateway/harness.h"

#include <doctest/doctest.h>

namespace serin::test {

namespace {

// The Service's condition serin.dev/InForce.
struct Told {
    std::string status;
    std::string revisions;
    bool is_current = false;
};

Told told_of(Shop& shop, const std::string& name) {
    const Object service = shop.get(types::service(), name);
    const json::Value* condition = service.find("/status/conditions/0");
    if (condition == nullptr) return {};
    return {
        .status = std::string(json::text(json::find(*condition, "/status")).value_or("")),
        .revisions = std::string(json::text(json::find(*condition, "/message")).value_or("")),
        .is_current =
            json::integer(json::find(*condition, "/observedGeneration")) == service.generation()};
}

void select(Shop& shop, const std::string& name, const json::Value& hash) {
    const json::Object patch{
        {"spec", json::Object{{"selector", json::Object{{"rollouts-pod-template-hash", hash}}}}}};
    REQUIRE(shop.store.patch({&types::service(), "default", name}, PatchKind::merge, patch));
}

}  // namespace

TEST_CASE("a service tells whose pods get its requests, once all of them do") {
    Shop shop;
    shop.open(100, 0);
    REQUIRE(shop.wait([&] { return told_of(shop, "stable").is_current; }));
    CHECK(told_of(shop, "stable").revisions == R"(["s"])");
    CHECK(told_of(shop, "canary").revisions == R"(["c"])");

    // All traffic moves at once, again and again, under load.
    Load load(shop.port, 4, true);
    Client client(shop.port);
    for (int i = 1; i <= 20; ++i) {
        const std::string to = i % 2 == 0 ? "s" : "c";
        select(shop, "stable", json::string(to));
        REQUIRE(shop.wait([&] { return told_of(shop, "stable").is_current; }));
        CHECK(told_of(shop, "stable").revisions == R"([")" + to + R"("])");
        for (int k = 0; k < 20; ++k) CHECK(client.get("/").body == to);
    }
    load.stop();
    CHECK_MESSAGE(load.lost() == 0, load.first_loss());
}

TEST_CASE("a service without its own revision tells of all, one without pods of none") {
    Shop shop;
    shop.open(100, 0);
    select(shop, "stable", nullptr);
    REQUIRE(shop.wait([&] { return told_of(shop, "stable").revisions == R"(["c","s"])"; }));
    select(shop, "stable", "nobody");
    REQUIRE(shop.wait([&] {
        return told_of(shop, "stable").is_current && told_of(shop, "stable").revisions == "[]";
    }));
}

TEST_CASE("a service that no rule names any more says nothing, and nothing of others is lost") {
    Shop shop;
    shop.open(100, 0);
    REQUIRE(shop.wait([&] { return !told_of(shop, "canary").status.empty(); }));
    Object service = shop.get(types::service(), "canary");
    json::Array conditions = *json::array(service.find("/status/conditions"));
    conditions.push_back(json::Object{{"type", "example.com/Other"}, {"status", "True"}});
    service.put("/status/conditions", std::move(conditions));
    REQUIRE(shop.store.update(std::move(service), Part::status));
    shop.set_weights({{"stable", 1}});
    REQUIRE(shop.wait([&] { return told_of(shop, "canary").revisions.empty(); }));
    CHECK(
        shop.get(types::service(), "canary").text("/status/conditions/0/type") ==
        "example.com/Other");
}

}  // namespace serin::test
