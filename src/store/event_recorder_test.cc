#include "ports/event_recorder.h"

#include "ports/manual_loop.h"
#include "store/memory.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

using namespace serin;
using namespace std::chrono_literals;

namespace {

struct World {
    ManualLoop loop{Instant(1'000'000s)};
    store::MemoryStore store{loop};
    EventRecorder recorder{store, loop, "test"};
    Object pod;

    World() {
        auto made = store.create(Object(types::pod(), "shop", "shop-1"));
        REQUIRE(made);
        pod = *made;
    }
    void say(EventRecorder& speaker) {
        speaker.record(pod, EventType::normal, "Started", "it runs");
        loop.advance(1s);
    }
    std::vector<Object> events() const {
        const auto all = store.list({.type = &types::event()});
        REQUIRE(all);
        return all->items;
    }
    std::int64_t count() const {
        const auto all = events();
        REQUIRE(all.size() == 1);
        return all[0].integer("/count");
    }
};

}  // namespace

TEST_CASE("what is said again counts up one Event, whoever says it") {
    World world;
    world.say(world.recorder);
    CHECK(world.count() == 1);
    world.say(world.recorder);
    CHECK(world.count() == 2);
    const auto first = world.events()[0];
    CHECK(first.text("/firstTimestamp") != first.text("/lastTimestamp"));
    // As after a restart: it does not know what was said.
    EventRecorder another(world.store, world.loop, "test");
    world.say(another);
    CHECK(world.count() == 3);
    world.say(another);
    CHECK(world.count() == 4);
}

TEST_CASE("an Event that has expired is told anew") {
    World world;
    world.say(world.recorder);
    world.say(world.recorder);
    REQUIRE(world.store.remove(world.events()[0].key()));
    world.say(world.recorder);
    CHECK(world.count() == 1);
}

TEST_CASE("an Event that cannot be written is lost, and the next one is not") {
    World world;
    world.store.set_faults({.on_write = [](const ObjectKey&) {
        return store::WriteFault{.error = {ErrorKind::unavailable, "no answer"}};
    }});
    world.say(world.recorder);
    world.store.set_faults({});
    CHECK(world.events().empty());
    world.say(world.recorder);
    CHECK(world.count() == 1);
}
