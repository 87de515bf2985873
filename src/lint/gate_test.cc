#include "lint/gate.h"

#include <doctest/doctest.h>

#include <chrono>
#include <cmath>

using namespace serin;
using namespace serin::lint;
using namespace std::chrono_literals;

namespace {

// Ten minutes at one weight, a measurement a minute over the last five.
Gate ten_minutes() {
    return {
        .interval = 1min, .initial_delay = 1min, .count = 10, .failure_limit = 3, .window = 5min};
}

Gate success_at_least(double share) {
    Gate gate = ten_minutes();
    gate.is_success_share = true;
    gate.fails_below = true;
    gate.edge = std::nextafter(share, 0.0);
    return gate;
}

Gate errors_below(double share) {
    Gate gate = ten_minutes();
    gate.edge = share;
    return gate;
}

Odds odds(const Gate& gate, double requests_per_minute, double failure_share) {
    return odds_of_stopping(
        gate,
        {{.at = 0ms, .requests_per_second = requests_per_minute / 60}},
        {{.start = 0ms}},
        failure_share);
}

double at_least(int least, int trials, double chance) {
    double sum = 0;
    for (int k = least; k <= trials; ++k) {
        sum += std::exp(
            std::lgamma(trials + 1) - std::lgamma(k + 1) - std::lgamma(trials - k + 1) +
            k * std::log(chance) + (trials - k) * std::log1p(-chance));
    }
    return sum;
}

}  // namespace

TEST_CASE("the guides' gate stops a 5 % drill in 58 to 67 of 100 releases, whatever the traffic") {
    for (const double rpm : {10.0, 100.0, 1000.0, 10'000.0}) {
        CAPTURE(rpm);
        const Odds drill = odds(success_at_least(0.95), rpm, 0.05);
        CHECK(drill.stopped > 0.57);
        CHECK(drill.stopped < 0.68);
        REQUIRE(drill.earliest);
        CHECK(*drill.earliest == 4min);
        CHECK(odds(success_at_least(0.95), rpm, 0.10).stopped > 0.96);
    }
}

TEST_CASE("a gate at 1 % aborts healthy services of little traffic") {
    for (const double rpm : {10.0, 30.0, 100.0}) {
        CAPTURE(rpm);
        const double healthy = odds(errors_below(0.01), rpm, 0.005).stopped;
        CHECK(healthy > 0.165);
        CHECK(healthy < 0.30);
        const double ordinary = odds(errors_below(0.01), rpm, 0.01).stopped;
        CHECK(ordinary > 0.49);
        CHECK(ordinary < 0.78);
    }
}

TEST_CASE("with windows that do not overlap the odds are the binomial ones") {
    Gate gate = errors_below(1e-9);  // Any failure at all.
    gate.window = 1min;
    const double one = 1 - std::pow(1 - 0.02, 10);
    const double expected = at_least(4, 10, one);
    CHECK(std::abs(odds(gate, 10, 0.02).stopped - expected) < 0.01);
}

TEST_CASE("limits and data decide whether a gate can stop anything") {
    Gate gate = success_at_least(0.95);
    gate.failure_limit = 10;
    CHECK(odds(gate, 1000, 1.0).stopped == 0);
    gate.failure_limit = 9;
    CHECK(odds(gate, 1000, 1.0).stopped == 1);
    gate.failure_limit = -1;
    CHECK(odds(gate, 1000, 1.0).stopped == 0);
    gate.failure_limit = 0;
    gate.requests_min = 10'000;
    CHECK(odds(gate, 1000, 1.0).stopped == 0);
    CHECK(odds(success_at_least(0.95), 0, 1.0).stopped == 0);
}

TEST_CASE("early looks only make an abort more likely and sooner") {
    Gate gate = success_at_least(0.95);
    gate.failure_limit = 0;
    gate.requests_min = 30;
    gate.sees_before_watch = false;
    const Odds patient = odds(gate, 600, 0.5);
    gate.looks_early = true;
    const Odds eager = odds(gate, 600, 0.5);
    CHECK(eager.stopped >= patient.stopped);
    CHECK(*eager.earliest < *patient.earliest);
}

TEST_CASE("equal input gives equal odds") {
    CHECK(
        odds(errors_below(0.01), 60, 0.005).stopped == odds(errors_below(0.01), 60, 0.005).stopped);
}
