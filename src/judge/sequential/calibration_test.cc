#include "judge/sequential/judge.h"
#include "judge/sequential/simulated_traffic.h"
#include "statistics/confidence.h"
#include "statistics/divergence.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>

// The judge's promises, measured on made-up releases with fixed seeds. `bench/judging` has the same
// at length, beside other judges.

using namespace serin;
using namespace serin::judge::sequential;

namespace {

Spec spec_of(const std::string& text) {
    const auto value = json::parse(text);
    REQUIRE(value.has_value());
    auto spec = parse_spec(*value);
    REQUIRE(spec.has_value());
    spec->timeout_s.reset();
    return *spec;
}

const std::string strict =
    R"({"metrics": [{"metric": "error-rate", "margin": {"ratio": 1, "difference": 0}}]})";
const std::string tolerant = R"({"metrics": [{"metric": "error-rate"}]})";

constexpr auto always = [](double value) { return [value](double) { return value; }; };

// A rollout of 10, 25 and 50 %, 100 s each.
double rising_weight(double at_s) {
    return at_s < 100 ? 0.1 : at_s < 200 ? 0.25 : 0.5;
}

struct Tally {
    int failed = 0;
    double canary_requests = 0;  // Mean over all runs.
    double rate(int runs) const { return static_cast<double>(failed) / runs; }
};

Tally play(const std::string& spec, const Traffic& traffic, int runs, double until_s) {
    statistics::FactorCache cache;
    const Judge judge(spec_of(spec), cache);
    Tally tally;
    for (int run = 0; run < runs; ++run) {
        State state = judge.begin();
        TrafficSource source(traffic, 1000 + static_cast<std::uint64_t>(run));
        double step_ends_s = 100;
        for (Outcome outcome = source.next(); !state.ended && outcome.at_s < until_s;
             outcome = source.next()) {
            if (outcome.at_s >= step_ends_s) {
                judge.begin_step(state, outcome.at_s);
                step_ends_s += 100;
            }
            judge.observe(state, outcome);
        }
        if (state.ended && state.ended->decision == Decision::fail) ++tally.failed;
        tally.canary_requests += static_cast<double>(state.metrics[0].release.canary.total) / runs;
    }
    return tally;
}

}  // namespace

TEST_CASE("a healthy canary fails in at most alpha of releases, with every request looked at") {
    constexpr int runs = 400;
    // 10 % leaves room to see a judge that errs too often: three of its standard deviations are 4.5
    // %.
    const std::string lax =
        R"({"alpha": 0.1, "metrics": [{"metric": "error-rate",
            "margin": {"ratio": 1, "difference": 0}}]})";
    Traffic traffic{.per_second = 30, .history_s = 30, .weight = rising_weight};
    for (const double rate : {0.001, 0.01, 0.1}) {
        CAPTURE(rate);
        traffic.stable_failures = traffic.canary_failures = always(rate);
        CHECK(play(lax, traffic, runs, 300).rate(runs) <= 0.1);
    }
}

TEST_CASE("what befalls both arms fails no canary, whatever the weight does") {
    constexpr int runs = 100;
    Traffic traffic{.per_second = 100, .history_s = 30, .weight = rising_weight};
    const auto holds = [&](const Traffic::AtTime& both) {
        traffic.stable_failures = traffic.canary_failures = both;
        // 4 of 100 would be a judge with an error of more than 1 % but for luck of 1 in 50.
        CHECK(play(strict, traffic, runs, 300).failed <= 3);
    };
    SUBCASE("rates drift twentyfold") {
        holds([](double at_s) { return 0.001 + 0.019 * std::max(at_s, 0.0) / 300; });
    }
    SUBCASE("a dependency of both is down for a minute") {
        holds([](double at_s) { return at_s > 60 && at_s < 120 ? 0.3 : 0.001; });
    }
    SUBCASE("the day comes and goes") {
        holds([](double at_s) { return 0.01 * (1.5 + std::sin(at_s / 40)); });
    }
    SUBCASE("bursts of a second") {
        holds([](double at_s) { return std::fmod(std::abs(at_s), 20) < 1 ? 0.8 : 0.0005; });
    }
    SUBCASE("the weight jumps about") {
        traffic.weight = [](double at_s) { return std::fmod(at_s, 20) < 10 ? 0.02 : 0.6; };
        holds([](double at_s) { return std::fmod(at_s, 20) < 10 ? 0.001 : 0.05; });
    }
}

TEST_CASE("power is what the reference table of mean canary requests says") {
    struct Expected {
        double stable, canary, weight;
        const std::string& spec;
        double requests_max;
    };
    // Between 1.6 and 2.4 times what no test can beat.
    for (const auto& [stable, canary, weight, spec, requests_max] :
         {Expected{0.001, 0.05, 0.05, strict, 95},
          Expected{0.001, 0.2, 0.05, strict, 20},
          Expected{0.001, 1, 0.05, strict, 2.7},
          Expected{0.01, 1, 0.05, strict, 2.8},
          Expected{0.01, 0.05, 0.05, strict, 265},
          Expected{0.001, 0.05, 0.5, strict, 310},
          Expected{0.001, 1, 0.5, strict, 10},
          Expected{0.001, 0.05, 0.05, tolerant, 110},
          Expected{0.01, 0.2, 0.05, tolerant, 30}}) {
        CAPTURE(stable);
        CAPTURE(canary);
        Traffic traffic{.per_second = 500, .history_s = 20, .weight = always(weight)};
        traffic.stable_failures = always(stable);
        traffic.canary_failures = always(canary);
        const Tally tally = play(spec, traffic, 50, 90);
        CHECK(tally.failed == 50);
        CHECK(tally.canary_requests <= requests_max);
        const double limit =
            std::log(100) /
            statistics::information(
                {}, {.canary = std::min(canary, 0.999999), .stable = stable}, weight);
        CHECK(tally.canary_requests >= 0.9 * limit);
    }
}

TEST_CASE("a fault in mid-release is found as fast as one at the start") {
    Traffic traffic{.per_second = 300, .history_s = 20, .weight = always(0.25)};
    traffic.canary_failures = [](double at_s) { return at_s < 150 ? 0.001 : 0.05; };
    const Tally tally = play(tolerant, traffic, 20, 300);
    CHECK(tally.failed == 20);
    CHECK(tally.canary_requests - 150 * 300 * 0.25 < 350);
}

TEST_CASE("a canary outside the margin passes a step in at most beta of steps") {
    statistics::FactorCache cache;
    const Judge judge(spec_of(tolerant), cache);
    // On the edge of the pass margin, and far too close for the harm test to see.
    Traffic traffic{.per_second = 1000, .history_s = 20, .weight = always(0.25)};
    traffic.stable_failures = always(0.001);
    traffic.canary_failures = always(0.006);
    int passed = 0;
    constexpr int runs = 150;
    for (int run = 0; run < runs; ++run) {
        State state = judge.begin();
        TrafficSource source(traffic, 77 + static_cast<std::uint64_t>(run));
        while (!state.ended && !state.passed && state.observed < 40'000) {
            judge.observe(state, source.next());
        }
        if (state.passed) ++passed;
    }
    CHECK(passed <= 0.05 * runs + 3 * std::sqrt(0.05 * 0.95 * runs));
}

TEST_CASE("an outage of both arms breaks an objective without failing the canary") {
    statistics::FactorCache cache;
    const Judge judge(
        spec_of(R"({"metrics": [{"metric": "success-rate", "atLeast": 0.99}]})"), cache);
    Traffic traffic{.per_second = 500, .history_s = 5};
    bool was_held = false;
    const auto outage = [](double at_s) { return at_s > 30 && at_s < 60 ? 0.5 : 0.001; };
    traffic.stable_failures = traffic.canary_failures = outage;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        State state = judge.begin();
        TrafficSource source(traffic, seed);
        for (int i = 0; i < 60'000; ++i) {
            judge.observe(state, source.next());
            was_held = was_held || state.decision == Decision::hold;
        }
        CHECK(!state.ended);
        CHECK(state.decision == Decision::pass);
    }
    CHECK(was_held);

    traffic.stable_failures = always(0.001);
    State state = judge.begin();
    TrafficSource source(traffic, 1);
    for (int i = 0; i < 60'000; ++i) judge.observe(state, source.next());
    CHECK(state.decision == Decision::fail);
    CHECK(judge.verdict(state).at_s < 32);
}

TEST_CASE("the retries of whoever fails are no further evidence") {
    statistics::FactorCache cache;
    const Judge judge(spec_of(strict), cache);
    const auto plays = [&](double harm) {
        int failed = 0;
        for (std::uint64_t seed = 1; seed <= 40; ++seed) {
            State state = judge.begin();
            Dice dice(seed);
            // Whoever fails tries again nine times, at once, and stays on the same arm.
            for (double at_s = -200; at_s < 200 && !state.ended; at_s += 0.01) {
                const bool is_canary = at_s >= 0 && dice.hits(0.1);
                const bool fails = dice.hits(is_canary ? 0.005 * harm : 0.005);
                const std::uint64_t unit = dice.bits();
                for (int i = 0; i < (fails ? 10 : 1); ++i) {
                    judge.observe(
                        state,
                        {.arm = is_canary ? Arm::canary : Arm::stable,
                         .at_s = at_s,
                         .failed = fails,
                         .unit = unit});
                }
            }
            if (state.ended) ++failed;
        }
        return failed;
    };
    CHECK(plays(1) <= 2);
    CHECK(plays(40) >= 38);
}

TEST_CASE("a user who makes most of the requests counts once") {
    statistics::FactorCache cache;
    const Judge judge(spec_of(strict), cache);
    int failed = 0;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        State state = judge.begin();
        Dice dice(seed);
        // The user fails half of the time wherever, and is on the canary by affinity.
        for (double at_s = -20; at_s < 100 && !state.ended; at_s += 0.005) {
            const bool is_heavy = at_s >= 0 && dice.hits(0.9);
            const std::uint64_t unit = is_heavy ? 42 : dice.bits();
            judge.observe(
                state,
                {.arm = is_heavy || (at_s >= 0 && unit % 20 == 0) ? Arm::canary : Arm::stable,
                 .at_s = at_s,
                 .failed = dice.hits(is_heavy ? 0.5 : 0.01),
                 .unit = unit});
        }
        if (state.ended) ++failed;
    }
    CHECK(failed <= 1);
}

TEST_CASE("neither equal latency, nor 5 % more, nor a slow time of both arms fails a canary") {
    const std::string latency = R"({"metrics": [{"metric": "latency"}]})";
    Traffic traffic{.per_second = 100, .history_s = 60, .weight = rising_weight, .median_ms = 50};
    CHECK(play(latency, traffic, 25, 300).failed == 0);
    traffic.canary_slowness = always(1.05);
    CHECK(play(latency, traffic, 25, 300).failed == 0);
    traffic.canary_slowness =
        traffic.stable_slowness = [](double at_s) { return at_s > 60 && at_s < 180 ? 3.0 : 1.0; };
    CHECK(play(latency, traffic, 25, 300).failed == 0);
}

TEST_CASE("a cold start is forgiven in the warm-up, a broken canary is not") {
    statistics::FactorCache cache;
    const Judge judge(
        spec_of(R"({"metrics": [{"metric": "error-rate"}], "warmup": "30s"})"), cache);
    const auto fails = [&](double cold) {
        Traffic traffic{.per_second = 200, .history_s = 20};
        traffic.canary_failures = [cold](double at_s) { return at_s < 20 ? cold : 0.001; };
        int failed = 0;
        for (std::uint64_t seed = 1; seed <= 20; ++seed) {
            State state = judge.begin();
            TrafficSource source(traffic, seed);
            for (int i = 0; i < 24'000; ++i) judge.observe(state, source.next());
            if (state.ended) ++failed;
        }
        return failed;
    };
    CHECK(fails(0.05) == 0);
    CHECK(fails(0.9) == 20);
}

TEST_CASE("clocks that disagree, run backwards or leap change no healthy verdict") {
    statistics::FactorCache cache;
    const Judge judge(spec_of(tolerant), cache);
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        Traffic traffic{.per_second = 200, .history_s = 20};
        State state = judge.begin();
        TrafficSource source(traffic, seed);
        for (int i = 0; i < 30'000; ++i) {
            Outcome outcome = source.next();
            if (outcome.arm == Arm::canary) outcome.at_s -= 3;
            if (i == 10'000) outcome.at_s += 86'400;
            judge.observe(state, outcome);
        }
        CHECK(state.decision != Decision::fail);
    }
}

TEST_CASE("a thousand million requests leave the numbers sound") {
    statistics::FactorCache cache;
    const Judge judge(
        spec_of(R"({"metrics": [{"metric": "error-rate"},
            {"metric": "success-rate", "atLeast": 0.99}]})"),
        cache);
    State state = judge.begin();
    for (int i = 0; i < 2000; ++i) {
        const ArmCounts counts{
            .canary = {.total = 50'000, .events = 50}, .stable = {.total = 450'000, .events = 450}};
        judge.observe(state, {.metric = 0, .at_s = 1.0 * i, .counts = counts});
        judge.observe(state, {.metric = 1, .at_s = 1.0 * i, .counts = counts});
    }
    const Verdict healthy = judge.verdict(state);
    CHECK(
        state.metrics[0].release.canary.total + state.metrics[0].release.stable.total ==
        1'000'000'000);
    CHECK(healthy.decision == Decision::pass);
    CHECK(std::isfinite(healthy.e_value));
    CHECK(healthy.metrics[0].canary.interval.low < 0.001);
    CHECK(healthy.metrics[0].canary.interval.high > 0.001);
    CHECK(healthy.metrics[0].canary.interval.high < 0.00102);

    // What then goes wrong is still seen at once.
    for (int i = 0; i < 40 && !state.ended; ++i) {
        judge.observe(
            state, {.metric = 0, .at_s = 2001 + i * 1.0, .counts = {{1000, 50}, {9000, 9}}});
    }
    REQUIRE(state.decision == Decision::fail);
    CHECK(judge.verdict(state).at_s <= 2003);
}
