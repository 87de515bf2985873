#define DOCTEST_CONFIG_IMPLEMENT
#include "judge/conditions.h"

#include "provider_world.h"
#include "real_graphite.h"
#include <cstdio>

using namespace serin;
using namespace serin::metrics;
using namespace std::chrono_literals;

// The provider asks a real Graphite for points that carbon was given by its line protocol.

namespace {

struct World : ProviderWorld {
    Graphite graphite;
    const std::int64_t begun = unix_seconds(loop.now());

    Result<MetricSample> asked_for(const std::string& query) {
        const json::Object config{
            {"address", json::string(graphite.url())}, {"query", json::string(query)}};
        return measure("graphite", json::print(config));
    }
    void wait(Duration duration) {
        const auto timer = loop.after(duration, [this] { loop.stop(); });
        loop.run();
    }
    // Points of the last seconds, at the same times for each series.
    void give(const std::string& series, const std::vector<double>& values) {
        std::string lines;
        for (std::size_t i = 0; i < values.size(); ++i) {
            const auto age = static_cast<std::int64_t>(values.size() - 1 - i);
            lines += fmt::format("{} {} {}\n", series, values[i], begun - age);
        }
        const Instant deadline = loop.now() + 60s;
        while (!graphite.take(lines)) {
            REQUIRE_MESSAGE(loop.now() < deadline, graphite.output());
            wait(50ms);
        }
    }
    void wait_for(const std::string& query, const std::string& value) {
        const Instant deadline = loop.now() + 60s;
        for (auto sample = asked_for(query); !sample || sample->value != value;
             sample = asked_for(query)) {
            REQUIRE_MESSAGE(loop.now() < deadline, graphite.output());
            wait(50ms);
        }
    }
};

judge::Phase phase_of(const Result<MetricSample>& sample, const std::string& condition) {
    REQUIRE_MESSAGE(sample, sample.error().message);
    return judge::assess_value({.success = condition, .failure = ""}, sample->result, {}).phase;
}

}  // namespace

TEST_CASE("a real Graphite's points are judged") {
    World world;
    world.give("shop.v2.errors", {1, 2, 1.5});
    world.give("shop.v2.requests", {100, 100, 100});
    world.give("shop.v1.errors", {0, 0, 0.25});
    world.wait_for("target=shop.v2.errors&from=-2min", "[1.000000,2.000000,1.500000]");
    world.wait_for("target=shop.v2.requests&from=-2min", "[100.000000,100.000000,100.000000]");
    world.wait_for("target=shop.v1.errors&from=-2min", "[0.000000,0.000000,0.250000]");

    const auto errors = world.asked_for("target=shop.v2.errors&from=-2min");
    CHECK(phase_of(errors, "all(result, # < 3)") == judge::Phase::successful);
    CHECK(phase_of(errors, "all(result, # < 2)") == judge::Phase::failed);
    CHECK(phase_of(errors, "result[3] < 2") == judge::Phase::error);

    const auto ratio = world.asked_for(
        "target=divideSeries(\n    shop.v2.errors,\n    shop.v2.requests)\n&from=-2min");
    REQUIRE_MESSAGE(ratio, ratio.error().message);
    CHECK(ratio->value == "[0.010000,0.020000,0.015000]");
    const auto sum = world.asked_for("target=sumSeries(shop.*.errors)&from=-2min&format=csv");
    REQUIRE_MESSAGE(sum, sum.error().message);
    CHECK(sum->value == "[1.000000,2.000000,1.750000]");
    const auto first = world.asked_for("target=shop.v1.errors&target=shop.v2.errors&from=-2min");
    REQUIRE_MESSAGE(first, first.error().message);
    CHECK(first->value == "[0.000000,0.000000,0.250000]");

    // A series that is there, and a time of which it has nothing.
    const auto earlier = world.asked_for("target=shop.v2.errors&from=-30min&until=-20min");
    REQUIRE_MESSAGE(earlier, earlier.error().message);
    CHECK(earlier->value == "[]");
    CHECK(phase_of(earlier, "len(result) == 0 || result[0] < 1") == judge::Phase::successful);

    const auto message = [&](const std::string& query) {
        const auto sample = world.asked_for(query);
        REQUIRE_FALSE(sample);
        return sample.error().message;
    };
    CHECK(message("target=shop.v3.errors&from=-2min") == "no values found");
    CHECK(message("target=sumSeries(shop.v2.errors&from=-2min") == "no values found");
    CHECK(message("from=-2min") == "no values found");
    const std::string unknown = message("target=noSuchFunction(shop.v2.errors)&from=-2min");
    CHECK(unknown.starts_with("error response: received non 2xx response code: 400 "));
    CHECK(unknown.contains("unknown function: noSuchFunction"));
    CHECK(message("target=shop.v2.errors&from=whenever")
              .starts_with("error response: received non 2xx response code: 400 "));
}

int main(int count, char** words) {
    if (!Graphite::is_installed()) {
        std::fputs("there is no Graphite to ask: ./dev setup installs it\n", stderr);
        return 77;
    }
    return doctest::Context(count, words).run();
}
