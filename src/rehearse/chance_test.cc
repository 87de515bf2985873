#include "rehearse/chance.h"

#include <doctest/doctest.h>

#include <cmath>
#include <utility>

using namespace serin::rehearse;

namespace {

// Mean and variance of so many draws.
template <class Draw>
std::pair<double, double> moments_of(Draw draw, int count = 40'000) {
    double sum = 0;
    double squares = 0;
    for (int i = 0; i < count; ++i) {
        const auto value = static_cast<double>(draw());
        sum += value;
        squares += value * value;
    }
    const double mean = sum / count;
    return {mean, squares / count - mean * mean};
}

}  // namespace

TEST_CASE("draws have the mean and the variance of their distribution, small or large") {
    Chance chance(7);
    for (const double mean : {0.3, 5.0, 29.0, 31.0, 4000.0}) {
        const auto [drawn, variance] = moments_of([&] { return chance.poisson(mean); });
        CHECK(drawn == doctest::Approx(mean).epsilon(0.03));
        CHECK(variance == doctest::Approx(mean).epsilon(0.05));
    }
    for (const double share : {0.001, 0.2, 0.9}) {
        for (const std::uint64_t count : {10U, 500U, 100'000U}) {
            const auto [drawn, variance] =
                moments_of([&] { return chance.binomial(count, share); });
            const double mean = static_cast<double>(count) * share;
            CHECK(drawn == doctest::Approx(mean).epsilon(0.05).scale(0.05));
            CHECK(variance == doctest::Approx(mean * (1 - share)).epsilon(0.08).scale(0.05));
        }
    }
    const auto [mean, variance] = moments_of([&] { return chance.normal(); });
    CHECK(std::abs(mean) < 0.03);
    CHECK(variance == doctest::Approx(1).epsilon(0.03));
    CHECK(moments_of([&] {
              return chance.exponential(3);
          }).first == doctest::Approx(3).epsilon(0.03));
}

TEST_CASE("a binomial draw stays within its bounds") {
    Chance chance(1);
    CHECK(chance.binomial(10, 0) == 0);
    CHECK(chance.binomial(10, 1) == 10);
    CHECK(chance.binomial(0, 0.5) == 0);
    for (int i = 0; i < 1000; ++i) CHECK(chance.binomial(3, 0.99) <= 3);
}
