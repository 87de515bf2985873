#include "metrics/split_guard.h"

#include <doctest/doctest.h>

#include <random>

using namespace serin;
using namespace serin::metrics;
using namespace std::chrono_literals;

namespace {

using Trouble = SplitGuard::Trouble;

struct World {
    SplitGuard guard;
    Instant now{1000s};
    std::mt19937_64 random;

    explicit World(std::uint64_t seed = 1) : random(seed) {}

    // `share` of the requests go to the canary, which answers a part of them.
    void play(Duration duration, double in_force, double share, double answers = 1) {
        std::uniform_real_distribution<> chance(0, 1);
        for (Duration passed{0}; passed < duration; passed += 1s) {
            for (int i = 0; i < 100; ++i) {
                const bool is_canary = chance(random) < share;
                if (is_canary && chance(random) >= answers) continue;
                guard.take(is_canary ? Side::candidate : Side::stable);
            }
            now += 1s;
            guard.pass_time(now, in_force);
        }
    }
};

Object route_with(std::string_view message, std::int64_t observed = 3) {
    Object route(types::http_route(), "default", "shop");
    route.put("/metadata/generation", 3);
    route.put(
        "/status/parents",
        json::Array{json::Object{
            {"controllerName", "serin.dev/gateway"},
            {"conditions",
             json::Array{json::Object{
                 {"type", "serin.dev/InForce"},
                 {"status", "True"},
                 {"observedGeneration", observed},
                 {"message", json::string(message)}}}}}});
    return route;
}

}  // namespace

TEST_CASE("a split as it should be is called broken in less than one of a hundred long runs") {
    int broken = 0;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        World world(seed);
        for (const double share : {0.05, 0.2, 0.5}) world.play(200s, share, share);
        broken += world.guard.trouble() == Trouble::none ? 0 : 1;
    }
    CHECK(broken <= 2);
}

TEST_CASE("another split than the one in force is found, with its numbers") {
    World world;
    world.play(120s, 0.05, 0.1);
    CHECK(world.guard.trouble() == Trouble::mismatch);
    CHECK(world.guard.describe().contains("the arms cannot be compared"));
    CHECK(world.guard.describe().contains(" would be by the split in force"));
    // A stage begins with nothing against it.
    world.guard.begin_stage();
    CHECK(world.guard.trouble() == Trouble::none);
    CHECK(world.guard.describe().empty());
}

TEST_CASE("a canary that answers nothing is silent, and is not when it answers again") {
    World world;
    world.play(15s, 0.05, 0.05);
    world.play(20s, 0.05, 0.05, 0);
    CHECK(world.guard.trouble() == Trouble::silent);
    CHECK(world.guard.describe().starts_with("the canary does not answer"));
    world.play(600s, 0.05, 0.06);
    CHECK(world.guard.trouble() != Trouble::silent);
}

TEST_CASE("no answer from the first request on is silence too") {
    World world;
    world.play(40s, 0.1, 0.1, 0);
    CHECK(world.guard.trouble() == Trouble::silent);
}

TEST_CASE("what ended while the weight moved counts for neither") {
    World world;
    for (int i = 0; i < 40; ++i) {
        // The share moves two seconds after the weight, and is known two seconds late.
        world.play(10s, i % 2 == 0 ? 0.05 : 0.5, i % 2 == 0 ? 0.5 : 0.05);
        world.play(30s, i % 2 == 0 ? 0.05 : 0.5, i % 2 == 0 ? 0.05 : 0.5);
        world.play(2s, i % 2 == 0 ? 0.05 : 0.5, i % 2 == 0 ? 0.5 : 0.05);
    }
    CHECK(world.guard.trouble() == Trouble::none);
}

TEST_CASE("without a split there is nothing to hold against") {
    World world;
    world.play(60s, 0, 0.5);
    world.play(60s, 1, 0.5);
    for (int i = 0; i < 1000; ++i) world.guard.take(Side::stable);
    world.guard.pass_time(world.now + 60s, std::nullopt);
    CHECK(world.guard.trouble() == Trouble::none);
}

TEST_CASE("what is known of a split goes on after a restart, and other text is refused") {
    World world;
    world.play(120s, 0.05, 0.1);
    SplitGuard next;
    CHECK(next.is_unsure());  // Nothing is known yet.
    REQUIRE(next.recall(world.guard.memory()));
    CHECK(next.trouble() == Trouble::mismatch);
    CHECK(next.describe() == world.guard.describe());
    CHECK(next.memory() == world.guard.memory());
    CHECK_FALSE(next.recall("AAAA"));
    CHECK(next.trouble() == Trouble::mismatch);
}

TEST_CASE("a right split is not called broken by restarts") {
    int broken = 0;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        World world(seed);
        for (int i = 0; i < 10; ++i) {
            world.play(30s, 0.2, 0.2);
            SplitGuard next;
            REQUIRE(next.recall(world.guard.memory()));
            world.guard = next;
        }
        broken += world.guard.trouble() == Trouble::none ? 0 : 1;
    }
    CHECK(broken <= 1);
}

TEST_CASE("the share is what the gateway confirms, if all its rules agree") {
    const auto share = [](const Object& route) {
        return share_in_force(route, "shop-canary", "shop-stable");
    };
    CHECK(share(route_with(R"([{"shop-stable": 95, "shop-canary": 5}])")) == 0.05);
    // Another service has the rest.
    CHECK(share(route_with(R"([{"shop-stable": 60, "shop-canary": 20, "arm": 20}])")) == 0.25);
    CHECK(share(route_with(R"([{"other": 1}, {"shop-stable": 1, "shop-canary": 1}])")) == 0.5);
    CHECK_FALSE(
        share(route_with(R"([{"shop-canary": 100}, {"shop-stable": 95, "shop-canary": 5}])")));
    CHECK_FALSE(share(route_with(R"([{"shop-stable": 95, "shop-canary": 5}])", 2)));
    CHECK_FALSE(share(route_with("HAProxy is being started")));
    CHECK_FALSE(share(Object(types::http_route(), "default", "shop")));
}
