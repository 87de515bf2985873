#include <doctest/doctest.h>

#include "sequential_world.h"
#include <string>
#include <vector>

// What judges of requests keep of a release, and when.

namespace {

std::vector<Object> memories(const World& world, std::string_view ending) {
    std::vector<Object> found;
    const auto all = world.store.list({.type = &types::config_map()});
    REQUIRE(all);
    for (const Object& one : all->items) {
        if (one.name().ends_with("-where") == (ending == "-where")) found.push_back(one);
    }
    return found;
}

struct Told {
    std::string where;
    std::string slices;
};

Told told(bool restarts, bool is_orderly, const std::string& provider, std::string_view config) {
    World world;
    world.create("a", config, "Background", provider);
    const Traffic traffic{.stable_failures = 0.01, .weight = 20, .fault_by_route = 0.3};
    for (int i = 0; i < 40 && !world.is_completed("a"); ++i) {
        world.play(1s, traffic, "a");
        if (restarts && !world.is_completed("a")) world.restart(is_orderly);
    }
    CHECK(world.phase("a") == "Failed");
    return {world.measured("a", "metadata/where"), world.measured("a", "metadata/slices")};
}

// All but the e-values: a restart moves the seconds at which requests that wait are judged.
std::string numbers_of(const Told& told) {
    auto slices = json::parse(told.slices);
    REQUIRE(slices);
    std::string numbers;
    for (const json::Value& one : *json::array(json::find(*slices, "/slices"))) {
        json::Object fields = *json::object(&one);
        fields.erase("eValue");
        numbers += json::print(fields);
    }
    return numbers;
}

}  // namespace

TEST_CASE("an abort after restarts says where it is worse, as if there had been none") {
    const auto same = [](const std::string& provider, std::string_view config) {
        const Told once = told(false, true, provider, config);
        const Told again = told(true, true, provider, config);
        CHECK(once.where.starts_with("Worse is route /items/{id}: "));
        CHECK(again.where.starts_with("Worse is route /items/{id}: "));
        CHECK(numbers_of(again) == numbers_of(once));
    };
    SUBCASE("by the judge") {
        same("serin/sequential", R"({"alpha": 0.00001})");
    }
    SUBCASE("by a budget") {
        same("serin/budget", R"({"failedRequests": 60})");
    }
}

TEST_CASE("a crash costs an explanation some of its requests, not the place") {
    World world;
    world.create("a", R"({"alpha": 0.00001})");
    const Traffic traffic{.stable_failures = 0.01, .weight = 20, .fault_by_route = 0.3};
    world.play(12s, traffic, "a");
    REQUIRE(world.phase("a") == "Running");
    world.restart(false);
    world.play(60s, traffic, "a");
    CHECK(world.measured("a", "metadata/where").starts_with("Worse is route /items/{id}: "));
}

TEST_CASE("what explains is written more rarely than what judges") {
    World world;
    int judged = 0;
    int explained = 0;
    const auto watch = world.store.watch(
        {.type = &types::config_map()},
        "",
        [&](const StoreEvent& event) {
            ++(event.object.name().ends_with("-where") ? explained : judged);
        },
        nullptr);
    world.create("a", "{}", "Background");
    world.play(60s, {.weight = 20}, "a");
    CHECK(judged >= 40);
    CHECK(explained >= 5);
    CHECK(explained <= 12);
    REQUIRE(memories(world, "-where").size() == 1);
    CHECK(memories(world, "-where")[0].text("/data/details").size() < 40'000);
}

TEST_CASE("details of a former step are not told as those of this one") {
    World world;
    world.create("a");
    world.play(600s, {.canary_failures = 0.01, .stable_failures = 0.01, .weight = 20}, "a");
    REQUIRE(world.phase("a") == "Successful");
    const Object details = memories(world, "-where").at(0);
    world.create("b");
    world.play(1500ms, {.weight = 20}, "b");
    world.restart(true);
    // As if the process had ended between the two writes.
    Object old = memories(world, "-where").at(0);
    old.put("/data", *details.find("/data"));
    world.program.reset();
    REQUIRE(world.store.update(old));
    world.boot();
    world.play(60s, {.weight = 20, .fault_by_pod = 1}, "b");
    const auto slices = json::parse(world.measured("b", "metadata/slices"));
    REQUIRE(slices);
    const auto requests = json::number(json::find(*slices, "/slices/0/canary/requests"));
    CHECK(requests.value_or(1e9) < 300);
}

TEST_CASE("a verdict is not to be seen before what it rests on is kept") {
    World world;
    std::string kept;
    std::string kept_when_seen = "never seen";
    const auto memory_watch = world.store.watch(
        {.type = &types::config_map()},
        "",
        [&](const StoreEvent& event) {
            if (!event.object.name().ends_with("-where")) kept = event.object.text("/data/memory");
        },
        nullptr);
    const auto run_watch = world.store.watch(
        {.type = &types::analysis_run()},
        "",
        [&](const StoreEvent& event) {
            const std::string_view phase = event.object.text("/status/phase");
            if (phase == "Failed" || phase == "Successful") kept_when_seen = kept;
        },
        nullptr);
    const auto decided = [&](std::string_view pointer) {
        const auto memory = json::parse(kept_when_seen);
        REQUIRE(memory);
        const json::Value* found = json::find(*memory, pointer);
        return found != nullptr && !found->is_null();
    };
    SUBCASE("that it fails") {
        world.create("a");
        world.play(60s, {.canary_failures = 0.5}, "a");
        CHECK(decided("/ended"));
    }
    SUBCASE("that it passes") {
        world.create("a");
        world.play(600s, {.weight = 20}, "a");
        CHECK(decided("/passed"));
    }
    SUBCASE("that a budget is spent") {
        world.create("a", R"({"requests": 500})", "Background", "serin/budget");
        world.play(600s, {.weight = 20}, "a");
        CHECK(decided("/exhausted"));
    }
    SUBCASE("that a budget is spent by time alone") {
        world.create("a", R"({"duration": "5s"})", "Background", "serin/budget");
        world.play(2s, {.weight = 20}, "a");
        world.advance(10s);
        CHECK(decided("/exhausted"));
    }
}

TEST_CASE("what a run says last of a budget is spent as well when the release is tried again") {
    World world;
    const std::string_view budget = R"({"requests": 100000})";
    world.create("a", budget, "Background", "serin/budget");
    world.play(3300ms, {.weight = 20}, "a");
    Object run = world.run("a");
    run.put("/spec/terminate", true);
    REQUIRE(world.store.update(run));
    world.settle();
    REQUIRE(world.phase("a") == "Successful");
    const std::string told = world.measured("a", "metadata/canaryRequests");
    REQUIRE(std::stoi(told) > 0);
    world.restart(false);
    world.create("b", budget, "Background", "serin/budget");
    CHECK(world.measured("b", "metadata/canaryRequests") == told);
}

TEST_CASE("a split that is not the one in force is known over a restart, and found again") {
    World world;
    put_in_force(world, 5);
    world.create("a", R"({"timeout": "10m"})");
    world.play(60s, {.weight = 20}, "a");
    REQUIRE(world.measured("a", "metadata/rule") == "split-mismatch");
    SUBCASE("known") {
        world.restart(true);
        world.play(7s, {.weight = 20}, "a");
        CHECK(world.measured("a", "metadata/rule") == "split-mismatch");
        CHECK(world.measured("a", "metadata/warning").starts_with("requests are not split as"));
    }
    SUBCASE("found again where nothing was kept of it") {
        world.program->requests.flush();
        world.program.reset();
        Object memory = memories(world, "").at(0);
        memory.put("/data/split", "");
        REQUIRE(world.store.update(memory));
        world.boot();
        world.play(60s, {.weight = 20}, "a");
        CHECK(world.phase("a") == "Running");
        CHECK(world.measured("a", "metadata/rule") == "split-mismatch");
    }
}

TEST_CASE("restarts do not call a right split wrong") {
    World world;
    put_in_force(world, 20);
    world.create("a", "{}", "Background");
    for (int i = 0; i < 10; ++i) {
        world.play(20s, {.weight = 20}, "a");
        world.restart(i % 2 == 0);
    }
    world.play(20s, {.weight = 20}, "a");
    CHECK(world.measured("a", "metadata/warning").empty());
    CHECK(world.measured("a", "metadata/decision") == "pass");
}
