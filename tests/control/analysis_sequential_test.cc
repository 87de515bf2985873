#include <doctest/doctest.h>

#include "sequential_world.h"
#include <string>

using namespace serin;
using namespace std::chrono_literals;

// Analysis runs whose judge looks at every request of a release.

TEST_CASE("a broken canary fails within a few of its requests, with the numbers") {
    World world;
    world.create("a");
    CHECK(world.phase("a") == "Running");
    const int requests = world.play(10s, {.canary_failures = 1, .weight = 5}, "a");
    CHECK(world.phase("a") == "Failed");
    CHECK(requests <= 15);
    CHECK(world.measured("a", "value") == "fail");
    CHECK(world.measured("a", "metadata/rule") == "harm");
    CHECK(world.measured("a", "metadata/canaryRequests") == std::to_string(requests));
    CHECK(world.run("a").text("/status/message").contains("tolerated is 1.2 x stable"));
}

TEST_CASE("a healthy canary is promoted by evidence, well before the step's maximum") {
    World world;
    world.create("a", R"({"timeout": "30m"})");
    const int requests = world.play(600s, {.weight = 20}, "a");
    CHECK(world.phase("a") == "Successful");
    CHECK(requests > 200);
    CHECK(world.measured("a", "metadata/rule") == "non-inferiority");
}

TEST_CASE("each step needs its own evidence, and begins with what is known of harm") {
    World world;
    world.create("a");
    const int first = world.play(600s, {.weight = 20}, "a");
    world.create("b");
    CHECK(world.phase("b") == "Running");
    const int second = world.play(600s, {.weight = 20}, "b");
    CHECK(world.phase("b") == "Successful");
    CHECK(second > first / 4);
    // Requests of both steps are in one memory.
    CHECK(std::stoi(world.measured("b", "metadata/index")) > 2 * second);
}

TEST_CASE("too little traffic is said while the step runs, and ends it as inconclusive") {
    World world;
    world.create("a", R"({"timeout": "60s"})");
    world.play(20s, {.weight = 10, .per_second = 100}, "a");
    const std::string estimate = world.measured("a", "metadata/estimate");
    CHECK(estimate.contains("too little traffic"));
    CHECK(estimate.contains("canary requests a second"));
    // That it cannot find what it guards against in this time is known from the start.
    const std::string plan = world.measured("a", "metadata/plan");
    CHECK(plan.starts_with("the traffic is too low to see what is guarded against: "));
    CHECK(plan.contains(" canary requests in 1m"));
    world.play(60s, {.weight = 10, .per_second = 100}, "a");
    CHECK(world.phase("a") == "Inconclusive");
    CHECK(world.measured("a", "message").contains("the step's 1m"));
    CHECK(world.measured("a", "metadata/rule") == "deadline");
}

TEST_CASE("beside the steps the judge watches to the end") {
    World world;
    world.create("a", R"({"timeout": "30s"})", "Background");
    world.play(120s, {.weight = 20}, "a");
    CHECK(world.phase("a") == "Running");
    CHECK(world.measured("a", "metadata/decision") == "pass");

    SUBCASE("it fails a fault of later") {
        world.set_status("/canary/weights/canary/weight", 30);
        world.play(5s, {.weight = 30}, "a");
        CHECK(world.measured("a", "metadata/decision") == "continue");  // A stage of its own.
        CHECK(world.play(60s, {.canary_failures = 0.5, .weight = 30}, "a") < 100);
        CHECK(world.phase("a") == "Failed");
    }
    SUBCASE("and has nothing against a release that ends") {
        Object run = world.run("a");
        run.put("/spec/terminate", true);
        REQUIRE(world.store.update(run));
        world.settle();
        CHECK(world.phase("a") == "Successful");
    }
}

TEST_CASE("after a restart the judge goes on with the same evidence") {
    const auto verdict = [](bool restarts) {
        World world;
        world.create("a", R"({"alpha": 0.001})");
        for (int i = 0; i < 8; ++i) {
            world.play(1s, {.canary_failures = 0.01, .stable_failures = 0.005, .weight = 20}, "a");
            if (restarts) world.restart(true);
        }
        REQUIRE(world.phase("a") == "Running");
        world.play(60s, {.canary_failures = 0.1, .stable_failures = 0.005, .weight = 20}, "a");
        CHECK(world.phase("a") == "Failed");
        return world.measured("a", "metadata/verdict");
    };
    CHECK(verdict(true) == verdict(false));
}

TEST_CASE("a crash costs a second of evidence at most") {
    World world;
    world.create("a");
    world.play(10s, {.weight = 20}, "a");
    world.restart(false);
    world.play(50ms, {.weight = 20}, "a");
    world.advance(6s);
    CHECK(std::stoi(world.measured("a", "metadata/index")) >= 2700);
}

TEST_CASE("a second attempt with the same revision is judged anew") {
    World world;
    world.create("a");
    world.play(10s, {.canary_failures = 1}, "a");
    REQUIRE(world.phase("a") == "Failed");
    world.advance(10s);
    SUBCASE("in the same process") {}
    SUBCASE("and in the next") {
        world.restart(true);
    }
    world.create("b");
    world.play(600s, {.weight = 20}, "b");
    CHECK(world.phase("b") == "Successful");
}

TEST_CASE("the same revision against another stable one is another release") {
    World world;
    world.set_status("/stableRS", "v0");
    world.create("a");
    world.play(2s, {.weight = 20}, "a");
    CHECK(world.phase("a") == "Running");
    world.set_status("/stableRS", "v1");
    SUBCASE("in the same process") {}
    SUBCASE("and in the next") {
        world.restart(true);
    }
    world.create("b");
    world.play(600s, {.weight = 20}, "b");
    CHECK(world.phase("b") == "Successful");
    CHECK(std::stoi(world.measured("b", "metadata/stableRequests")) > 200);
}

TEST_CASE("a verdict names the part of the traffic that is worse") {
    World world;
    world.create("a");
    world.create("b", R"({"failedRequests": 25})", "Background", "serin/budget");
    SUBCASE("its route and examples of requests") {
        world.play(60s, {.weight = 20, .fault_by_route = 0.5}, "b");
        CHECK(world.measured("b", "metadata/where").starts_with("Worse is route /items/{id}: "));
        CHECK_FALSE(world.measured("b", "metadata/where").contains("; method"));
        CHECK(world.run("a").text("/status/message").contains("route /items/{id}"));
        CHECK(world.measured("b", "message").contains("route /items/{id}"));
    }
    SUBCASE("its pod") {
        world.play(60s, {.weight = 20, .fault_by_pod = 0.5}, "b");
        CHECK(world.measured("b", "metadata/where").starts_with("Worse is pod v2-1: "));
    }
    SUBCASE("the version of its clients") {
        world.play(60s, {.weight = 20, .fault_by_version = 0.5}, "b");
        CHECK(world.measured("b", "metadata/where")
                  .starts_with("Worse is header x-client-version 3.2: "));
    }
    const auto slices = json::parse(world.measured("b", "metadata/slices"));
    REQUIRE(slices);
    CHECK(json::number(json::find(*slices, "/falseDiscoveryRate")) == 0.05);
    CHECK(json::text(json::find(*slices, "/slices/0/examples/0")).value_or("").starts_with("id-"));
}

TEST_CASE("a canary that answers 200 and does nothing fails by its business outcome") {
    World world;
    world.create("errors");
    world.create("a", R"({"metrics": [
        {"metric": "error-rate"},
        {"metric": "business", "name": "checkout", "header": "X-Checkout", "good": "ok"}]})");
    SUBCASE("by what the header says") {
        CHECK(world.play(60s, {.canary_refusals = 0.5}, "a") < 60);
        CHECK(world.phase("a") == "Failed");
        CHECK(world.measured("a", "message").contains("checkout: "));
        CHECK(world.phase("errors") == "Running");  // Nothing is wrong with the status codes.
    }
    SUBCASE("and passes when the header says that all is well") {
        world.play(600s, {.weight = 30, .canary_refusals = 0.001}, "a");
        CHECK(world.phase("a") == "Successful");
    }
    SUBCASE("and says why it cannot tell where no header comes") {
        world.play(20s, {}, "a");
        CHECK(world.phase("a") == "Running");
        CHECK(world.measured("a", "metadata/standing").contains("serin.dev/observe-response-h"));
    }
}

TEST_CASE("a business outcome may be a number") {
    World world;
    world.create("a", R"({"metrics": [
        {"metric": "business", "header": "x-checkout", "goodFrom": 10}]})");
    CHECK(world.play(60s, {.canary_refusals = 0, .stable_value = "9.99"}, "a") > 0);
    CHECK(world.phase("a") == "Running");  // Neither arm converts.
    world.play(60s, {.canary_refusals = 0, .stable_value = "25"}, "a");
    CHECK(world.phase("a") == "Successful");
}

TEST_CASE("without a stable revision only bounds can be judged") {
    World world;
    world.set_status("/stableRS", "v2");
    world.create("a");
    CHECK(world.run("a").text("/status/metricResults/0/measurements/0/message").contains("stable"));
    world.create("b", R"({"metrics": [{"metric": "success-rate", "atLeast": 0.99}]})");
    CHECK(world.phase("b") == "Running");
    world.play(60s, {.canary_failures = 0.2}, "b");
    CHECK(world.phase("b") == "Failed");
}

TEST_CASE("what cannot be judged is refused with its place") {
    World world;
    world.create("a", R"({"metrics": [{"metric": "business"}]})");
    CHECK(world.phase("a") == "Error");
    CHECK(world.run("a").text("/status/message").contains("metrics[0].header: missing"));
}

TEST_CASE("a release that has spent its budget is taken back by the request that spends it") {
    World world;
    const auto budgeted = [&](std::string_view config) {
        world.create("a", config, "Background", "serin/budget");
        CHECK(world.phase("a") == "Running");
    };
    SUBCASE("failed requests, restarts included") {
        budgeted(R"({"failedRequests": 20, "requests": 100000})");
        world.play(6s, {.canary_failures = 0.1, .weight = 20}, "a");
        CHECK(world.measured("a", "metadata/budget").contains("of 20 failed requests"));
        if (!world.is_completed("a")) world.restart(true);
        world.play(60s, {.canary_failures = 0.1, .weight = 20}, "a");
        CHECK(world.measured("a", "metadata/canaryFailed") == "20");
        CHECK(world.run("a").text("/status/message").contains("20 failed requests of the canary"));
    }
    SUBCASE("all requests") {
        budgeted(R"({"requests": "500"})");
        world.play(60s, {.weight = 20}, "a");
        CHECK(world.measured("a", "metadata/canaryRequests") == "500");
    }
    SUBCASE("users, restarts included") {
        budgeted(R"({"users": 100})");
        world.play(20s, {.weight = 20, .users = 90}, "a");
        CHECK(world.phase("a") == "Running");
        CHECK(world.measured("a", "metadata/budget") == "left: 10 of 100 users");
        world.restart(true);
        CHECK(world.play(60s, {.weight = 20, .users = 1000}, "a") < 20);
        CHECK(world.measured("a", "metadata/canaryUsers") == "100");
        CHECK(world.measured("a", "message").contains("100 users of the canary"));
    }
    SUBCASE("users in any window, but not over a longer time") {
        budgeted(R"({"perWindow": {"window": "10s", "users": 150}})");
        for (int i = 1; i <= 12; ++i) {
            world.play(10s, {.weight = 20, .users = std::uint64_t(i) * 10}, "a");
        }
        CHECK(world.phase("a") == "Running");
        world.restart(true);
        world.play(10s, {.weight = 20, .users = 1000}, "a");
        CHECK(world.measured("a", "message").contains("150 users of the canary in 10s"));
    }
    SUBCASE("what was not seen, restarts included") {
        budgeted(R"({"failedRequests": 20, "perWindow": {"window": "10s", "requests": 100000}})");
        world.play(2s, {.weight = 20}, "a");
        world.program->requests.take_gap({.at = world.loop.now(), .outcomes_lost = 15});
        world.play(6s, {.weight = 20}, "a");
        CHECK(world.measured("a", "metadata/budget").contains("5 of 20 failed requests"));
        CHECK(world.measured("a", "metadata/standing").contains("15 requests were not seen"));
        world.restart(true);
        world.program->requests.take_gap({.at = world.loop.now(), .outcomes_lost = 5});
        world.play(1s, {.weight = 20}, "a");
        CHECK(world.phase("a") == "Failed");
        CHECK(world.measured("a", "metadata/requestsUnseen") == "20");
    }
    SUBCASE("users of whom nothing is known") {
        budgeted(R"({"users": 100})");
        world.play(60s, {.weight = 20}, "a");
        CHECK(world.measured("a", "metadata/canaryUsers") == "100");
        CHECK(world.measured("a", "message").contains("of 100 requests the user is not known"));
    }
    SUBCASE("time") {
        budgeted(R"({"duration": "30s"})");
        const Instant began = world.loop.now();
        world.play(60s, {.weight = 20}, "a");
        CHECK(world.loop.now() - began < 33s);
    }
    SUBCASE("requests in any window, but not over a longer time") {
        budgeted(R"({"perWindow": {"window": "10s", "failedRequests": 12}})");
        world.play(60s, {.canary_failures = 0.005, .weight = 20}, "a");
        CHECK(world.phase("a") == "Running");
        world.play(60s, {.canary_failures = 0.5, .weight = 20}, "a");
        CHECK(world.measured("a", "message").contains("in 10s"));
    }
    CHECK(world.phase("a") == "Failed");
    CHECK(world.measured("a", "value") == "exhausted");
}

TEST_CASE("what a release has spent stays told when it is promoted and its run ends late") {
    World world;
    world.create("a", R"({"requests": 100000})", "Background", "serin/budget");
    world.play(6s, {.weight = 20}, "a");
    const int spent = std::stoi(world.measured("a", "metadata/canaryRequests"));
    CHECK(spent > 0);
    world.set_status("/stableRS", "v2");
    SUBCASE("in the same process") {}
    SUBCASE("and in the next") {
        world.restart(true);
    }
    world.play(2s, {.weight = 0}, "a");
    CHECK(std::stoi(world.measured("a", "metadata/canaryRequests")) >= spent);
}

TEST_CASE("a budget that limits nothing is refused") {
    World world;
    world.create("a", "{}", "Background", "serin/budget");
    CHECK(world.run("a").text("/status/message").contains("all are missing"));
    world.create("b", R"({"users": 0})", "Background", "serin/budget");
    CHECK(world.run("b").text("/status/message").contains("users: must be a whole number"));
    world.create("c", R"({"perWindow": {"window": "10"}})", "Background", "serin/budget");
    CHECK(world.run("c").text("/status/message").contains("perWindow.window: expected"));
}

TEST_CASE("a split that is not the one in force holds what would pass, and says so") {
    World world;
    put_in_force(world, 5);
    world.create("a", R"({"timeout": "10m"})");
    world.play(599s, {.weight = 20}, "a");
    CHECK(world.phase("a") == "Running");
    CHECK(world.measured("a", "metadata/decision") == "hold");
    CHECK(world.measured("a", "metadata/rule") == "split-mismatch");
    CHECK(world.measured("a", "metadata/warning").starts_with("requests are not split as"));
    world.play(10s, {.weight = 20}, "a");
    CHECK(world.phase("a") == "Inconclusive");
    CHECK(world.measured("a", "message").contains("requests are not split as the weights say"));
    int events = 0;
    const auto recorded = world.store.list({.type = &types::event()});
    REQUIRE(recorded);
    for (const Object& event : recorded->items)
        events += event.text("/reason") == "AnalysisWarning" ? 1 : 0;
    CHECK(events == 1);
}

TEST_CASE("the split in force passes as before, and a bad canary fails whatever the split is") {
    World world;
    put_in_force(world, 20);
    world.create("a");
    world.play(600s, {.weight = 20}, "a");
    CHECK(world.phase("a") == "Successful");
    world.create("b");
    world.play(60s, {.canary_failures = 0.5, .weight = 80}, "b");
    CHECK(world.phase("b") == "Failed");
}

TEST_CASE("a canary that answers nothing of what it is sent holds the step") {
    World world;
    put_in_force(world, 20);
    world.create("a", R"({"timeout": "10m"})");
    world.play(60s, {.weight = 0}, "a");
    CHECK(world.phase("a") == "Running");
    CHECK(world.measured("a", "metadata/rule") == "silent-canary");
    CHECK(world.measured("a", "metadata/standing").starts_with("the canary does not answer"));
}
