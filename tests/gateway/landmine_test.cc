#include "gateway/harness.h"

#include <doctest/doctest.h>

#include <set>

// What HAProxy 2.6 is known to get wrong about servers that come and go at run time.

namespace serin::test {
namespace {

void add(Shop& shop, const std::string& pod, const std::string& hash) {
    shop.backends[pod] = std::make_unique<Backend>(pod);
    shop.add_pod(pod, hash, shop.backends[pod]->port());
    REQUIRE(shop.wait([&] { return shop.is_in_rotation(pod); }));
}

void take(Shop& shop, const std::string& pod) {
    REQUIRE(shop.store.remove({&types::pod(), "default", pod}));
    REQUIRE(shop.wait([&] { return !shop.is_in_rotation(pod); }));
    REQUIRE(shop.store.remove({&types::pod(), "default", pod}, {.grace_seconds = 0}));
    shop.backends.erase(pod);
}

}  // namespace

TEST_CASE("servers that come and go leave the count of active servers right") {
    Shop shop;
    shop.open(100, 0);
    Client client(shop.port);
    for (int i = 0; i < 5; ++i) {
        add(shop, "extra-a", "s");
        add(shop, "extra-b", "s");
        take(shop, "extra-a");
        REQUIRE(client.get("/").status == 200);
        take(shop, "extra-b");
        REQUIRE(client.get("/").status == 200);
    }
    // Only servers that were added at run time are left.
    add(shop, "extra-c", "s");
    take(shop, "shop-s");
    for (int i = 0; i < 20; ++i) CHECK(client.get("/").body == "extra-c");
}

TEST_CASE("every server added to an empty backend gets traffic") {
    Shop shop;
    shop.open(100, 0);
    take(shop, "shop-s");
    const std::set<std::string> pods{"one", "two", "three"};
    for (const std::string& pod : pods) add(shop, pod, "s");
    std::set<std::string> seen;
    Client client(shop.port);
    for (int i = 0; i < 60; ++i) seen.insert(client.get("/").body);
    CHECK(seen == pods);
}

TEST_CASE("a pod gets no request before it is ready") {
    Shop shop;
    shop.open(100, 0);
    const Backend early("early");
    shop.add_pod("early", "s", early.port());
    shop.set_ready("early", false);
    Client client(shop.port);
    REQUIRE(shop.wait([&] { return !shop.is_in_rotation("early"); }));
    for (int i = 0; i < 20; ++i) CHECK(client.get("/").body == "s");
    shop.set_ready("early", true);
    REQUIRE(shop.wait([&] { return shop.is_in_rotation("early"); }));
    CHECK(shop.wait([&] { return client.get("/").body == "early"; }));
}

}  // namespace serin::test
