#include <doctest/doctest.h>

#include "judged_release.h"
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

// A crash or a lost answer at any write of a release changes nothing about where it ends, and shows
// no weight on the way that an undisturbed release would not show.

using namespace serin;
using namespace serin::control;

namespace {

// Fails write number `index` (counted from now); what comes after is a new process.
void fail_write(SmallWorld& world, int index, bool took_effect, int& writes) {
    world.ground->set_faults(
        [&world, &writes, index, took_effect](
            const ObjectKey&) -> std::optional<store::WriteFault> {
            if (world.is_own_write || writes++ != index) return std::nullopt;
            return store::WriteFault{{ErrorKind::unavailable, "crash"}, took_effect};
        });
}

int count_writes(const std::string& verdict) {
    SmallWorld world;
    world.install(judged_steps);
    int writes = 0;
    fail_write(world, -1, false, writes);
    release(world, verdict);
    return writes;
}

}  // namespace

TEST_CASE("any write may fail, with or without effect, and the release ends the same") {
    const int stride = SmallWorld().ground->stride();
    int place = 0;
    for (const std::string verdict : {"Successful", "Failed"}) {
        const bool is_good = verdict == "Successful";
        const int total = count_writes(verdict);
        REQUIRE(total > 20);
        for (int index = 0; index < total; ++index) {
            for (const bool took_effect : {false, true}) {
                if (place++ % stride != 0) continue;
                CAPTURE(verdict);
                CAPTURE(index);
                CAPTURE(took_effect);
                SmallWorld world;
                world.install(judged_steps);
                int writes = 0;
                fail_write(world, index, took_effect, writes);
                release(world, verdict);

                CHECK(world.phase() == (is_good ? "Healthy" : "Degraded"));
                CHECK(world.weight() == 0);
                const auto weights = without_repeats(world.router.written);
                CHECK(
                    weights ==
                    (is_good ? std::vector<int>{5, 50, 100, 0} : std::vector<int>{5, 50, 0}));
                CHECK(world.replicas("shop:v1") == (is_good ? 0 : 10));
                CHECK(world.runs().size() == 1);
            }
        }
    }
}

TEST_CASE("taking a release back does not wait for what is told of it") {
    SmallWorld world;
    world.install(judged_steps);
    std::vector<std::string> written;
    world.ground->set_faults([&](const ObjectKey& key) {
        written.emplace_back(key.type->kind);
        return std::optional<store::WriteFault>();
    });
    world.set_image("shop:v2");
    REQUIRE(world.weight() == 5);
    written.clear();
    world.patch_status(R"({"abort": true})");
    REQUIRE(world.weight() == 0);
    const auto route = std::ranges::find(written, "HTTPRoute");
    const auto event = std::ranges::find(written, "Event");
    REQUIRE(route != written.end());
    REQUIRE(event != written.end());
    CHECK(route < event);
    world.ground->set_faults(nullptr);
}
