#include "statistics/lift.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <vector>

using namespace serin::statistics;

TEST_CASE("a block of visitors is a fair bet wherever the arms are equal") {
    // All outcomes of a block of two and three visitors, by their chance.
    for (const double rate : {0.01, 0.3, 0.8}) {
        for (const double expected : {0.02, 0.5}) {
            double mean = 0;
            for (unsigned bits = 0; bits < 32; ++bits) {
                Block block{.canary = 2, .canary_events = 0, .stable = 3, .stable_events = 0};
                double chance = 1;
                for (unsigned i = 0; i < 5; ++i) {
                    const bool event = (bits >> i & 1U) != 0;
                    chance *= event ? rate : 1 - rate;
                    (i < 2 ? block.canary_events : block.stable_events) += event ? 1U : 0U;
                }
                Lift lift;
                lift.add(block, expected);
                mean += chance * std::exp(lift.ln_value());
            }
            CHECK(mean <= 1 + 1e-12);
        }
    }
}

TEST_CASE("evidence grows for the better arm and not for the other") {
    Lift better;
    Lift worse;
    for (int i = 0; i < 2000; ++i) {
        const std::uint64_t first = i % 8 == 0 ? 1 : 0;
        const std::uint64_t second = i % 20 == 0 ? 1 : 0;
        better.add({2, first, 2, second}, 0.04);
        worse.add({2, second, 2, first}, 0.04);
    }
    CHECK(better.ln_peak > 4.6);
    CHECK(worse.ln_peak < 1);
}

TEST_CASE("a split that is not as configured is noticed, a correct one is not") {
    const std::array weights{0.5, 0.5};
    std::array<std::uint64_t, 2> even{};
    std::array<std::uint64_t, 2> skewed{};
    SplitCheck correct;
    SplitCheck broken;
    for (std::size_t i = 0; i < 20'000; ++i) {
        const std::size_t arm = i * 7919 % 1000 < 500 ? 0 : 1;
        correct.add(arm, even, weights);
        ++even[arm];
        const std::size_t other = i * 7919 % 1000 < 550 ? 0 : 1;
        broken.add(other, skewed, weights);
        ++skewed[other];
    }
    CHECK(correct.ln_peak < std::log(1000));
    CHECK(broken.ln_peak > std::log(1000));
}

TEST_CASE("discoveries are the strongest evidence, as many as alpha bears") {
    const auto ln = [](std::vector<double> values) {
        for (double& value : values) value = std::log(value);
        return values;
    };
    // Of five at 0.1: 50 for one, 25 for two, 16.7 for three.
    CHECK(discoveries(ln({49, 1, 1, 1, 1}), 0.1).empty());
    CHECK(discoveries(ln({1, 51, 1, 1, 1}), 0.1) == std::vector<std::size_t>{1});
    CHECK(discoveries(ln({20, 1, 30, 17, 0.5}), 0.1) == std::vector<std::size_t>{2, 0, 3});
    CHECK(discoveries({}, 0.1).empty());
}
