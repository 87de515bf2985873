#include "statistics/beta.h"

#include "statistics/confidence.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>

using namespace serin::statistics;

namespace {

double ln_beta(double a, double b) {
    return ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b);
}

// P(second > first) for whole numbers, as a finite sum (Miller).
double chance_second_is_higher(const Beta& first, const Beta& second) {
    double sum = 0;
    for (int i = 0; i < static_cast<int>(second.a); ++i) {
        sum += std::exp(
            ln_beta(first.a + i, first.b + second.b) - std::log(second.b + i) -
            ln_beta(1 + i, second.b) - ln_beta(first.a, first.b));
    }
    return sum;
}

}  // namespace

TEST_CASE("the distribution function agrees with closed forms") {
    CHECK(cdf({1, 1}, 0.3) == doctest::Approx(0.3).epsilon(1e-13));
    CHECK(cdf({1, 5}, 0.2) == doctest::Approx(1 - std::pow(0.8, 5)).epsilon(1e-13));
    CHECK(cdf({4, 1}, 0.7) == doctest::Approx(std::pow(0.7, 4)).epsilon(1e-13));
    // A binomial tail: I_x(3, 8) = P(at least 3 of 10 at x).
    double tail = 0;
    for (int k = 3; k <= 10; ++k) {
        tail += std::exp(-std::log(11) - ln_beta(k + 1, 11 - k)) * std::pow(0.25, k) *
                std::pow(0.75, 10 - k);
    }
    CHECK(cdf({3, 8}, 0.25) == doctest::Approx(tail).epsilon(1e-10));
    CHECK(cdf({5e5, 5e5}, 0.5) == doctest::Approx(0.5).epsilon(1e-9));
}

TEST_CASE("quantiles invert the distribution function") {
    for (const Beta beta : {Beta{1, 1}, Beta{1, 200}, Beta{51, 951}, Beta{2e5, 3e6}}) {
        for (const double chance : {0.001, 0.025, 0.5, 0.975}) {
            CHECK(cdf(beta, quantile(beta, chance)) == doctest::Approx(chance).epsilon(1e-9));
        }
    }
    CHECK(quantile({1, 5}, 0.5) == doctest::Approx(1 - std::pow(0.5, 0.2)).epsilon(1e-12));
}

TEST_CASE("the chance to be best and the expected loss equal the finite sums") {
    for (const auto& [first, second] :
         {std::array{Beta{1, 1}, Beta{1, 1}},
          std::array{Beta{51, 951}, Beta{66, 936}},
          std::array{Beta{3, 400}, Beta{9, 20}},
          std::array{Beta{501, 100'000}, Beta{2, 7}},
          std::array{Beta{1200, 11'000}, Beta{1300, 11'100}}}) {
        const auto standings = compare(std::array{first, second});
        const double higher = chance_second_is_higher(first, second);
        CHECK(std::abs(standings[1].chance_best - higher) < 1e-8);
        CHECK(std::abs(standings[0].chance_best - (1 - higher)) < 1e-8);
        // E[(second - first)+] = E[second] P(second' > first) - E[first] P(second > first'), where
        // ' has one more event.
        const double loss =
            second.mean() * chance_second_is_higher(first, {second.a + 1, second.b}) -
            first.mean() * chance_second_is_higher({first.a + 1, first.b}, second);
        CHECK(std::abs(standings[0].expected_loss - loss) < 1e-8);
    }
}

TEST_CASE("several equal rates are best with equal chances") {
    const auto standings = compare(std::array{Beta{40, 960}, Beta{40, 960}, Beta{40, 960}});
    double sum = 0;
    for (const Standing& standing : standings) {
        CHECK(std::abs(standing.chance_best - 1.0 / 3) < 1e-8);
        sum += standing.chance_best;
    }
    CHECK(std::abs(sum - 1) < 1e-8);
    // The highest of three uniform rates is 3/4 on average.
    CHECK(std::abs(compare(std::array{Beta{}, Beta{}, Beta{}})[0].expected_loss - 0.25) < 1e-9);
}
