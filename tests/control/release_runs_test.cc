#include <doctest/doctest.h>

#include "small_world.h"
#include <map>
#include <string>

using namespace serin;
using namespace serin::control;

namespace {

// Numbers of revisions by runs, which clients show runs under.
std::map<std::string, std::string> numbers_of_runs(const SmallWorld& world) {
    std::map<std::string, std::string> numbers;
    for (const Object& run : world.runs()) {
        numbers[std::string(run.name())] =
            run.annotation("rollout.argoproj.io/revision").value_or("none");
    }
    return numbers;
}

std::string hash_of(const SmallWorld& world, const std::string& image) {
    return std::string(world.group(image).label("rollouts-pod-template-hash").value_or(""));
}

}  // namespace

TEST_CASE("a run has the number of its revision, made or renumbered in the same turn") {
    SmallWorld world;
    world.install(R"([{"pause": {}}])", R"({"spec": {"strategy": {"canary":
        {"analysis": {"templates": [{"templateName": "success-rate"}]}}}}})");
    const std::string first = hash_of(world, "shop:v1");
    world.set_image("shop:v2");
    const std::string second = hash_of(world, "shop:v2");
    CHECK(
        numbers_of_runs(world) ==
        std::map<std::string, std::string>{{"shop-" + second + "-2", "2"}});

    world.patch_status(R"({"promoteFull": true})");
    world.settle();
    REQUIRE(world.phase() == "Healthy");
    world.set_image("shop:v1");
    CHECK(numbers_of_runs(world)["shop-" + first + "-3"] == "3");
}
