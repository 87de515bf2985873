#include <doctest/doctest.h>

#include "small_world.h"
#include <chrono>
#include <functional>
#include <map>
#include <string>

// A release at rest costs nothing: no turn, no write, and no timer but the one after which
// everything is looked at again in case an event was lost.

using namespace serin;
using namespace serin::control;
using namespace std::chrono_literals;

namespace {

constexpr const char* gated = R"([{"setWeight": 20}, {"pause": {}}, {"setWeight": 50}])";
constexpr const char* timed = R"([{"setWeight": 20}, {"pause": {"duration": "1h"}}])";
constexpr Duration resync = ManagerSettings{}.resync;

std::int64_t turns(const SmallWorld& world) {
    std::int64_t sum = 0;
    for (const ReconcilerStats& one : world.manager->stats()) sum += one.turns;
    return sum;
}

std::size_t keys(const SmallWorld& world) {
    std::size_t sum = 0;
    for (const ReconcilerStats& one : world.manager->stats()) sum += one.keys;
    return sum;
}

void check_rest(SmallWorld& world) {
    world.restart();  // The safety net is due a whole period from now.
    const std::int64_t turns_before = turns(world);
    const std::int64_t writes_before = world.ground->writes();
    const auto entries_before = world.evidence.read("")->size();

    REQUIRE(world.loop.next_timer());
    CHECK(*world.loop.next_timer() == world.loop.now() + resync);
    world.advance(resync - 1s);
    CHECK(turns(world) == turns_before);

    world.advance(24h - resync + 2s);
    const std::int64_t looks = 24h / resync;
    CHECK(turns(world) == turns_before + looks * static_cast<std::int64_t>(keys(world)));
    CHECK(world.ground->writes() == writes_before);
    CHECK(world.evidence.read("")->size() == entries_before);
}

}  // namespace

TEST_CASE("a released version at rest causes no turn and no write") {
    SmallWorld world;
    world.install(gated);
    REQUIRE(world.phase() == "Healthy");
    check_rest(world);
}

TEST_CASE("a release that waits for a person causes no turn and no write") {
    SmallWorld world;
    world.install(gated);
    world.set_image("shop:v2");
    REQUIRE(world.message() == "CanaryPauseStep");
    check_rest(world);
}

TEST_CASE("an aborted release at rest causes no turn and no write") {
    SmallWorld world;
    world.install(gated);
    world.set_image("shop:v2");
    world.patch_status(R"({"abort": true})");
    world.advance(1h);
    REQUIRE(world.phase() == "Degraded");
    REQUIRE(world.weight() == 0);
    check_rest(world);
}

TEST_CASE("a promoted release at rest causes no turn and no write") {
    SmallWorld world;
    world.install(timed);
    world.set_image("shop:v2");
    world.advance(2h);
    REQUIRE(world.phase() == "Healthy");
    REQUIRE(world.replicas("shop:v1") == 0);
    check_rest(world);
}

TEST_CASE("a timed pause causes no turn and no write before it ends") {
    SmallWorld world;
    world.install(timed);
    world.set_image("shop:v2");
    REQUIRE(world.message() == "CanaryPauseStep");
    world.restart();
    const std::int64_t turns_before = turns(world);
    const std::int64_t writes_before = world.ground->writes();
    world.advance(resync - 1s);
    CHECK(turns(world) == turns_before);
    world.advance(1h - resync - 1s);
    CHECK(world.ground->writes() == writes_before);
    world.advance(10s);
    CHECK(world.ground->writes() != writes_before);
}
