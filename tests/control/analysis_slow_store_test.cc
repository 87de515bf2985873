#include "sequential_world.h"

TEST_CASE("a slow store is left most of its time for other things") {
    World world;
    world.create("a");
    int saved = 0;
    world.ground->set_faults([&](const ObjectKey& key) {
        if (key.type == &types::config_map()) {
            ++saved;
            world.ground->loop.stall(2s);
        }
        return std::optional<store::WriteFault>();
    });
    world.play(60s, {.canary_failures = 0.01, .stable_failures = 0.01, .weight = 2}, "a");
    CHECK(saved >= 2);
    CHECK(saved <= 8);
    world.ground->set_faults(nullptr);
}
