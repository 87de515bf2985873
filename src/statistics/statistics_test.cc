#include "statistics/confidence.h"
#include "statistics/divergence.h"
#include "statistics/one_sample.h"
#include "statistics/share_bet.h"
#include "statistics/stakes.h"
#include "statistics/two_sample.h"

#include <doctest/doctest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <random>

using namespace serin::statistics;

TEST_CASE("the limit of any test is what the published table says") {
    struct Row {
        double stable, canary, weight, requests;
    };
    // ln(100) over the information of one canary request.
    for (const auto& [stable, canary, weight, requests] :
         {Row{0.001, 0.02, 0.01, 117},
          Row{0.001, 0.02, 0.5, 433},
          Row{0.001, 0.05, 0.05, 41.4},
          Row{0.001, 0.2, 0.1, 10.4},
          Row{0.001, 0.5, 0.25, 5.79},
          Row{0.001, 1 - 1e-12, 0.05, 1.19},
          Row{0.01, 0.02, 0.05, 1256},
          Row{0.01, 0.05, 0.25, 180},
          Row{0.01, 0.2, 0.01, 11.2},
          Row{0.01, 0.5, 0.5, 11.9}}) {
        CAPTURE(requests);
        const double limit =
            std::log(100) / information({}, {.canary = canary, .stable = stable}, weight);
        CHECK(limit == doctest::Approx(requests).epsilon(0.006));
    }
}

TEST_CASE("a projection is the nearest point of the null hypothesis") {
    for (const Null null :
         {Null{1.2, 0.0005, Side::above},
          Null{1, 0.25, Side::above},
          Null{0.9, 0, Side::below},
          Null{1, 0.005, Side::below}}) {
        for (const double stable : {1e-5, 0.001, 0.05, 0.3}) {
            for (const double canary : {1e-6, 0.0007, 0.02, 0.2, 0.6, 0.95}) {
                for (const Sizes sizes : {Sizes{1, 7}, Sizes{4, 4}, Sizes{1000, 20}}) {
                    const Rates rates{.canary = canary, .stable = stable};
                    const Rates nearest = project(null, rates, sizes);
                    if (holds(null, rates)) {
                        CHECK(nearest.canary == canary);
                        CHECK(nearest.stable == stable);
                        continue;
                    }
                    const auto distance = [&](double s) {
                        const double c = null.ratio * s + null.difference;
                        if (!(c > 0 && c < 1 && s > 0 && s < 1)) return INFINITY * 1.0;
                        return sizes.canary * divergence(canary, c) +
                               sizes.stable * divergence(stable, s);
                    };
                    const double best = distance(nearest.stable);
                    for (double s = 1e-6; s < 1; s *= 1.01) {
                        CHECK(best <= distance(s) + 1e-7 * best + 1e-12);
                    }
                }
            }
        }
    }
}

// The mean of a block's factor over all its outcomes, exactly.
TEST_CASE("no block can be expected to win under any rates of the null hypothesis") {
    FactorCache cache;
    const auto choose = [](int n, int k) {
        double result = 1;
        for (int i = 0; i < k; ++i) result = result * (n - i) / (i + 1);
        return result;
    };
    for (const Bets& bets :
         {Bets{.null = {1, 0, Side::above}},
          Bets{.null = {1.2, 0.0005, Side::above}},
          Bets{.null = {1, 0.005, Side::below}, .points = 3, .multiples = {1, 0.5, 1.25}},
          Bets{.null = {0.9, 0, Side::below}, .lowest_odds = 1.25},
          Bets{.null = {0.9, 0, Side::above}, .points = 3, .multiples = {1, 0.97, 1.1}}}) {
        for (const double predicted : {0.0005, 0.02, 0.4}) {
            const RateStep step = to_step(predicted);
            const Block sizes{.canary = 2, .stable = 6};
            const Factors factors = cache.find(bets, sizes, step, step);
            for (double stable = 0.001; stable < 1; stable += 0.07) {
                for (double canary = 0.0005; canary < 1; canary += 0.07) {
                    if (!holds(bets.null, {.canary = canary, .stable = stable})) continue;
                    for (std::size_t i = 0; i < bets.points; ++i) {
                        double mean = 0;
                        for (int c = 0; c <= 2; ++c) {
                            for (int s = 0; s <= 6; ++s) {
                                const double chance = choose(2, c) * std::pow(canary, c) *
                                                      std::pow(1 - canary, 2 - c) * choose(6, s) *
                                                      std::pow(stable, s) *
                                                      std::pow(1 - stable, 6 - s);
                                mean += chance * std::exp(
                                                     factors.base[i] + c * factors.canary_event[i] +
                                                     s * factors.stable_event[i]);
                            }
                        }
                        CHECK(mean <= 1 + 1e-9);
                    }
                }
            }
        }
    }
}

TEST_CASE("what is remembered changes no result") {
    FactorCache shared;
    const Bets bets{.null = {1.2, 0.0005, Side::above}};
    for (std::uint64_t i = 1; i < 20'000; ++i) {
        const Block sizes{.canary = 1 + i % 5, .stable = 1 + i * 7 % 97};
        const auto step = static_cast<RateStep>(-130 + static_cast<int>(i * 13 % 90));
        const Factors remembered = shared.find(bets, sizes, step, -100);
        if (i % 97 != 0) continue;
        FactorCache fresh;
        const Factors& computed = fresh.find(bets, sizes, step, -100);
        CHECK(remembered.base == computed.base);
        CHECK(remembered.canary_event == computed.canary_event);
        CHECK(remembered.stable_event == computed.stable_event);
    }
}

TEST_CASE("stakes never sum to more than everything") {
    const StakePlan plan{.duration_s = 900, .steps = 3};
    double before = 0;
    for (std::uint64_t i = 0; i < 100'000; ++i) {
        const double due = stakes_due(plan, i / 1000, 10.0 * static_cast<double>(i));
        CHECK(due >= before);
        CHECK(due <= 1);
        before = due;
    }
    CHECK(stakes_due(plan, 0, 0) == 0.5);
    CHECK(stakes_due(plan, 3, 900) == doctest::Approx(0.9));
}

TEST_CASE("a test against a bound equals the likelihood ratio by hand") {
    const BoundBets bets = bets_above(0.01);
    CHECK(bets.rates.front() == doctest::Approx(expit(logit(0.01) + std::log(1.5))));
    CHECK(bets.rates.back() == doctest::Approx(0.99));
    OneSample test;
    test.stake(1, bets);
    test.add(100, 7, bets);
    double sum = 0;
    for (std::size_t i = 0; i < bets.points; ++i) {
        const double q = bets.rates[i];
        sum += std::pow(q / 0.01, 7) * std::pow((1 - q) / 0.99, 93) / bound_points;
    }
    CHECK(test.ln_value(bets) == doctest::Approx(std::log(sum)));

    // In which portions does not matter.
    OneSample portions;
    portions.stake(1, bets);
    for (int i = 0; i < 93; ++i) portions.add(1, 0, bets);
    for (int i = 0; i < 7; ++i) portions.add(1, 1, bets);
    CHECK(portions.ln_value(bets) == doctest::Approx(test.ln_value(bets)));

    test.forget(bets);
    CHECK(test.ln_value(bets) <= 1e-12);
}

TEST_CASE("a share bet wins nothing on average when each arm has its share") {
    ShareBet test;
    test.stake(1);
    // One event: on the canary with its share of 1 in 5.
    ShareBet hit = test;
    hit.add({.canary = 20, .canary_events = 1, .stable = 80}, 1);
    ShareBet miss = test;
    miss.add({.canary = 20, .stable = 80, .stable_events = 1}, 1);
    CHECK(0.2 * std::exp(hit.ln_value()) + 0.8 * std::exp(miss.ln_value()) == doctest::Approx(1));

    // Five at once are no more evidence than one.
    ShareBet burst = test;
    burst.add({.canary = 20, .canary_events = 5, .stable = 80}, 1);
    CHECK(burst.ln_value() == hit.ln_value());
}

TEST_CASE("dispersion tells clusters from single events") {
    Dispersion single;
    Dispersion clustered;
    // How often four coins show so many heads.
    constexpr std::array<std::uint64_t, 16> heads{0, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 4};
    for (std::size_t i = 0; i < 160; ++i) {
        single.add({.stable = 100, .stable_events = 4, .stable_events_a = heads[i % 16]});
        clustered.add({.stable = 100, .stable_events = 5, .stable_events_a = i % 2 * 5});
    }
    CHECK(!single.is_significant());
    CHECK(clustered.is_significant());
    CHECK(clustered.value() == doctest::Approx(5).epsilon(0.1));
}

TEST_CASE("independent events hardly ever pass for clusters, however often one looks") {
    std::mt19937_64 coins(7);
    int mistaken = 0;
    for (int stream = 0; stream < 1000; ++stream) {
        Dispersion single;
        bool was_significant = false;
        for (int second = 0; second < 60; ++second) {
            const auto heads = static_cast<std::uint64_t>(std::popcount(coins() & 0x3FFU));
            single.add({.stable = 1000, .stable_events = 10, .stable_events_a = heads});
            was_significant = was_significant || single.is_significant();
        }
        mistaken += was_significant ? 1 : 0;
    }
    CHECK(mistaken <= 10);
}

TEST_CASE("ln_gamma is the C library's") {
    for (double x = 0.01; x < 1e9; x *= 1.7) {
        CHECK(ln_gamma(x) == doctest::Approx(std::lgamma(x)).epsilon(1e-12).scale(1));
    }
}

TEST_CASE("an interval is where the mixture's evidence is too little to exclude a rate") {
    CHECK(rate_interval(0, 0, 0.05).low == 0);
    CHECK(rate_interval(0, 0, 0.05).high == 1);
    CHECK(rate_interval(0, 50, 0.05).low == 0);
    CHECK(rate_interval(50, 50, 0.05).high == 1);
    const Interval interval = rate_interval(20, 1000, 0.05);
    const auto evidence = [](double p) {
        const double mixture = std::lgamma(20.5) + std::lgamma(980.5) - std::lgamma(1001) -
                               (2 * std::lgamma(0.5) - std::lgamma(1));
        return mixture - 20 * std::log(p) - 980 * std::log1p(-p);
    };
    CHECK(evidence(interval.low) == doctest::Approx(std::log(20)));
    CHECK(evidence(interval.high) == doctest::Approx(std::log(20)));
    CHECK(interval.low < 0.02);
    CHECK(interval.high > 0.02);
}
