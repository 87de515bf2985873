#include "metrics/sight.h"

#include "statistics/two_sample.h"

#include <doctest/doctest.h>

using namespace serin;
using namespace serin::metrics;
using namespace std::chrono_literals;

namespace {

namespace sequential = judge::sequential;

// After ten seconds of a step with so many requests of each arm a second.
std::string told(
    const char* metrics, int canary, int stable, Duration time, double converted = 0.05) {
    const auto spec = *sequential::parse_spec(*json::parse(metrics));
    statistics::FactorCache cache;
    const sequential::Judge judge(spec, cache);
    sequential::State state = judge.begin();
    judge.begin_step(state, 0);
    int asked = 0;
    const auto ask = [&](sequential::Arm arm, double at_s) {
        ++asked;
        const bool has_converted = int(asked * converted) > int((asked - 1) * converted);
        judge.observe(
            state,
            {.arm = arm,
             .at_s = at_s,
             .failed = asked % 200 == 0,
             .ms = 10.0 + asked % 7,
             .converted = has_converted});
    };
    for (int second = 0; second <= 10; ++second) {
        for (int i = 0; i < canary; ++i) ask(sequential::Arm::canary, second);
        for (int i = 0; i < stable; ++i) ask(sequential::Arm::stable, second);
    }
    return describe_blindness(sights_of(spec, state), time);
}

}  // namespace

TEST_CASE("a plan that cannot see what it guards against says so with its numbers") {
    const char* errors = R"({"metrics": [{"metric": "error-rate"}]})";
    const std::string words = told(errors, 2, 38, 10min);
    CHECK(words.contains(" requests a second at a weight of 5 %"));
    CHECK(words.contains(" canary requests in 10m"));
    CHECK(words.contains("% of failures where stable has 0."));
    CHECK(words.contains("raise the weight (to "));
    CHECK(told(errors, 1, 1, 1min).contains("no weight suffices"));
    CHECK(told(errors, 1, 19, 24h).empty());
}

TEST_CASE("each metric tells what it cannot see, and nothing of what it can") {
    SUBCASE("an objective") {
        const char* spec = R"({"metrics": [{"metric": "success-rate", "atLeast": 0.99}]})";
        CHECK(told(spec, 1, 9, 1min).contains("find 2 % of failures where 1 % are allowed"));
        CHECK(told(spec, 1, 0, 1min).contains("at a weight of 100 %"));
        CHECK(told(spec, 1, 9, 24h).empty());
    }
    SUBCASE("latency against stable") {
        const char* spec = R"({"metrics": [{"metric": "latency"}]})";
        CHECK(told(spec, 2, 18, 1min)
                  .contains("find 10 % of answers slower than 1.1 times stable's p95 where 5 %"));
        CHECK(told(spec, 2, 18, 1h).empty());
    }
    SUBCASE("latency against a bound") {
        const char* spec = R"({"metrics": [{"metric": "latency", "atMost": "300ms"}]})";
        CHECK(told(spec, 1, 9, 1min).contains("slower than 300 ms where 5 % are allowed"));
        CHECK(told(spec, 1, 9, 30min).empty());
    }
    SUBCASE("conversions against stable") {
        const char* spec = R"({"metrics": [{"metric": "business"}]})";
        CHECK(told(spec, 2, 18, 1min).contains("% of conversions where stable has "));
        CHECK(told(spec, 2, 18, 24h) == "");
    }
    SUBCASE("conversions against a bound") {
        const char* spec = R"({"metrics": [{"metric": "business", "atLeast": 0.02}]})";
        CHECK(told(spec, 2, 18, 1min).contains("1.5 % of conversions where at least 2 % are"));
        CHECK(told(spec, 2, 18, 24h).empty());
    }
    SUBCASE("of two metrics the one that is blind") {
        const char* spec = R"({"metrics": [{"metric": "error-rate"},
            {"metric": "business", "atLeast": 0.02}]})";
        const std::string words = told(spec, 20, 80, 5min);
        CHECK_FALSE(words.contains("failures"));
        CHECK(words.contains("conversions"));
    }
}
