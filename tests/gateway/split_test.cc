#include "gateway/harness.h"

#include <doctest/doctest.h>

#include <cmath>

namespace serin::test {

TEST_CASE("requests are split by weight, and a change is obeyed by the next request") {
    Shop shop;
    shop.open(95, 5);
    CHECK(shop.condition("serin.dev/InForce", "message") == R"([{"stable":95,"canary":5}])");
    CHECK(shop.condition("Accepted", "status") == "True");
    CHECK(shop.condition("ResolvedRefs", "status") == "True");
    CHECK(shop.is_in_rotation("shop-s"));
    Client client(shop.port);
    constexpr int requests = 10'000;
    int canary = 0;
    for (int i = 0; i < requests; ++i) {
        const Answer answer = client.get("/");
        REQUIRE(answer.status == 200);
        canary += answer.body == "c" ? 1 : 0;
    }
    // Five standard deviations: false about once in two million runs.
    CHECK(std::abs(canary - requests * 0.05) < 5 * std::sqrt(requests * 0.05 * 0.95));

    for (int i = 0; i < 50; ++i) {
        const bool to_canary = i % 2 == 0;
        shop.set_weights({{"stable", to_canary ? 0 : 100}, {"canary", to_canary ? 100 : 0}});
        REQUIRE(shop.wait([&] { return shop.is_in_force(); }));
        for (int k = 0; k < 20; ++k) CHECK(client.get("/").body == (to_canary ? "c" : "s"));
    }
}

TEST_CASE("weight changes and scaling under load lose no request and no outcome") {
    Shop shop;
    shop.open(90, 10);
    Load keeping(shop.port, 4, true);
    Load connecting(shop.port, 2, false);
    for (int i = 1; i <= 200; ++i) {
        shop.set_weights({{"stable", 100 - i % 100}, {"canary", i % 100}});
        REQUIRE(shop.wait([&] { return shop.is_in_force(); }));
        if (i % 10 != 0) continue;
        const std::string pod = "shop-extra" + std::to_string(i / 20);
        if (i % 20 == 10) {
            shop.backends[pod] = std::make_unique<Backend>("c");
            shop.add_pod(pod, "c", shop.backends[pod]->port());
            REQUIRE(shop.wait([&] { return shop.is_in_rotation(pod); }));
        } else {
            const std::string oldest = "shop-extra" + std::to_string((i - 10) / 20);
            REQUIRE(shop.store.remove({&types::pod(), "default", oldest}));
            REQUIRE(shop.wait([&] { return !shop.is_in_rotation(oldest); }));
            shop.backends.erase(oldest);
        }
    }
    keeping.stop();
    connecting.stop();
    CHECK_MESSAGE(keeping.lost() == 0, keeping.first_loss());
    CHECK_MESSAGE(connecting.lost() == 0, connecting.first_loss());
    const auto sent = static_cast<std::size_t>(keeping.answered() + connecting.answered());
    CHECK(sent > 1000);
    CHECK(shop.wait([&] { return shop.sink.count() >= sent; }));
    CHECK(shop.sink.count() == sent);
    CHECK(shop.sink.gaps() == 0);
    for (const KeptOutcome& outcome : shop.sink.outcomes()) {
        REQUIRE(outcome.ns == "default");
        REQUIRE(outcome.route == "shop");
        REQUIRE(outcome.service == (outcome.revision == "c" ? "canary" : "stable"));
        REQUIRE(outcome.pod.starts_with("shop-"));
        REQUIRE(outcome.status == 200);
        REQUIRE(!outcome.is_lost);
    }
}

TEST_CASE("a service without pods gets no traffic while another has some") {
    Shop shop;
    shop.open(50, 50);
    shop.set_ready("shop-c", false);
    REQUIRE(
        shop.wait([&] { return shop.condition("serin.dev/InForce", "reason") == "NoEndpoints"; }));
    CHECK(shop.condition("serin.dev/InForce", "message") == R"([{"stable":50,"canary":0}])");
    Client client(shop.port);
    for (int i = 0; i < 100; ++i) CHECK(client.get("/").body == "s");
    CHECK(shop.wait([&] { return !shop.is_in_rotation("shop-c"); }));
    shop.set_ready("shop-c", true);
    CHECK(shop.wait([&] { return shop.condition("serin.dev/InForce", "reason") == "InForce"; }));
}

}  // namespace serin::test
