#include "judge/kayenta/mann_whitney.h"

#include "statistics/normal.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

using namespace serin::judge::kayenta;

namespace {

using Series = std::vector<double>;

Series with_zeros(Series values, std::size_t size) {
    values.resize(size, 0);
    return values;
}

// The continuity-corrected normal score of the rank sum, by counting pairs instead of ranking.
double score_at(const Series& experiment, const Series& control, double shift) {
    double wins = 0;
    Series pooled = control;
    for (const double x : experiment) {
        pooled.push_back(x - shift);
        for (const double y : control) wins += x - shift > y ? 1 : x - shift == y ? 0.5 : 0;
    }
    double ties = 0;
    std::ranges::sort(pooled);
    for (const double value : pooled) {
        const auto tied = static_cast<double>(std::ranges::count(pooled, value));
        ties += tied * tied - 1;
    }
    const auto m = static_cast<double>(experiment.size());
    const auto n = static_cast<double>(control.size());
    const double w = wins - m * n / 2;
    const double correction = w == 0 ? 0 : std::copysign(0.5, w);
    return (w - correction) / std::sqrt(m * n / 12 * (m + n + 1 - ties / ((m + n) * (m + n - 1))));
}

// Where the score falls through `quantile`: it only changes at the differences of pairs.
double crossing(const Series& experiment, const Series& control, double quantile) {
    Series jumps;
    for (const double x : experiment) {
        for (const double y : control) jumps.push_back(x - y);
    }
    std::ranges::sort(jumps);
    const auto [first, last] = std::ranges::unique(jumps);
    jumps.erase(first, last);
    for (std::size_t i = 0; i + 1 < jumps.size(); ++i) {
        const double middle = (jumps[i] + jumps[i + 1]) / 2;
        if (score_at(experiment, control, middle) < quantile) return jumps[i];
    }
    return jumps.back();
}

Series numbers(std::uint64_t seed, std::size_t size, double lift) {
    Series values;
    for (std::size_t i = 0; i < size; ++i) {
        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        values.push_back(lift + static_cast<double>(seed >> 40U) / 1e5);
    }
    return values;
}

}  // namespace

// The counts of a real service's errors per minute, nearly all 0, which Kayenta's own suite
// compares with R: the ends depend on every step of the root finder, even their order is reversed.
TEST_CASE("the interval stops where R's root finder stops") {
    const Series experiment = with_zeros(
        {1.6666666666666572,
         3.7037037037036811,
         1.5625000000000142,
         3.3333333333333428,
         1.7543859649122737,
         1.8518518518518476,
         1.8518518518518476,
         1.5151515151515156,
         1.7857142857142776,
         1.3333333333333286,
         3.1250000000000142,
         1.9607843137255117,
         1.4492753623188293,
         2.4390243902438868,
         1.6393442622950687,
         1.6129032258064484,
         1.9607843137255117,
         1.5873015873015817,
         2.8169014084507182,
         3.0303030303030454,
         3.3898305084745743,
         1.234567901234584,
         1.7241379310344769,
         1.6949152542372872,
         1.470588235294116,
         1.3698630136986196,
         3.225806451612911,
         1.7543859649122879,
         3.4482758620689538,
         3.3333333333333428,
         1.818181818181813,
         1.4285714285714448,
         1.8867924528301927,
         2.0000000000000284,
         2.985074626865682,
         1.6666666666666714,
         1.5625,
         1.9230769230769198,
         1.8518518518518619,
         2.7027027027027088,
         1.3513513513513544,
         1.818181818181813,
         1.6666666666666572,
         1.818181818181813,
         1.4285714285714164,
         4.1095890410959015,
         1.8518518518518619,
         1.8518518518518476,
         1.3888888888888857,
         1.8867924528301785,
         1.4285714285714164,
         1.5625,
         1.8867924528301927,
         2.040816326530603,
         1.818181818181813,
         1.6393442622950687,
         1.7241379310344769,
         1.5151515151515156,
         2.564102564102555,
         5.5555555555555571,
         4.0816326530612059,
         3.5714285714285836,
         2.040816326530603,
         3.1746031746031633},
        210);
    const Series control = with_zeros(
        {1.5625000000000142,
         1.3888888888888857,
         1.5384615384615614,
         1.4925373134328339,
         1.6949152542373014,
         1.470588235294116,
         1.7543859649122879,
         1.8518518518518619,
         1.6393442622950687,
         1.7241379310344769,
         1.5873015873015817,
         1.4925373134328339,
         3.1249999999999858,
         1.4925373134328339,
         2.9850746268656536,
         2.5000000000000284,
         1.7857142857142776},
        210);
    const auto shift = shift_between(experiment, control, 0.95);
    REQUIRE(shift);
    CHECK(shift->lower == doctest::Approx(3.521755377702165e-5).epsilon(1e-6));
    CHECK(shift->upper == doctest::Approx(2.02456461662334e-5).epsilon(1e-6));
    CHECK(shift->estimate == doctest::Approx(2.6279243045155653e-5).epsilon(1e-6));
}

TEST_CASE("the interval agrees with R's wilcox.test on a service's response times") {
    const Series experiment{
        0,
        20.95,
        30.5666666666667,
        31.4,
        32.1166666666667,
        31.9833333333334,
        31.1833333333334,
        32.35,
        33.25,
        32.8000000000001,
        34.5166666666667,
        33.4166666666667,
        35.8833333333334,
        35.0666666666667,
        33.9};
    const Series control{
        0,
        21.9000000000001,
        30.2833333333334,
        29.45,
        32.1,
        31.1166666666667,
        33.5,
        32.1166666666667,
        32.7,
        33.85,
        32.6833333333334,
        33.5166666666667,
        33.6,
        34.3,
        33.05};
    const auto shift = shift_between(experiment, control, 0.99);
    REQUIRE(shift);
    CHECK(std::abs(shift->lower - -1.866663) < 1e-5);
    CHECK(std::abs(shift->upper - 2.899996) < 1e-5);
}

TEST_CASE("the ends are where the rank sum's score crosses the quantiles") {
    const double z = -serin::statistics::normal_quantile(0.01);
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        const Series experiment = numbers(seed, 9 + seed % 5, 20);
        const Series control = numbers(100 + seed, 8 + seed % 7, 0);
        const auto shift = shift_between(experiment, control, 0.98);
        REQUIRE(shift);
        CHECK(std::abs(shift->lower - crossing(experiment, control, z)) < 2e-4);
        CHECK(std::abs(shift->upper - crossing(experiment, control, -z)) < 2e-4);
    }
}

TEST_CASE("with few points the interval is all shifts that are possible") {
    const Series experiment{10, 12, 11};
    const Series control{1, 3, 2};
    const auto shift = shift_between(experiment, control, 0.98);
    REQUIRE(shift);
    CHECK(shift->lower == 7);
    CHECK(shift->upper == 11);
}

TEST_CASE("superiority counts pairs, ties half") {
    CHECK(superiority(Series{2, 3}, Series{1, 3}) == 2.5 / 4);
    CHECK(superiority(Series{1, 1}, Series{1}) == 0.5);
    CHECK(superiority(Series{5}, Series{1, 2, 3}) == 1);
}

TEST_CASE("normal quantiles keep their digits far out") {
    using serin::statistics::normal_quantile;
    CHECK(normal_quantile(0.5) == doctest::Approx(0).epsilon(1e-15));
    CHECK(normal_quantile(0.975) == doctest::Approx(1.959963984540054).epsilon(1e-14));
    CHECK(normal_quantile(0.01) == doctest::Approx(-2.3263478740408408).epsilon(1e-14));
    CHECK(normal_quantile(1e-10) == doctest::Approx(-6.361340902404056).epsilon(1e-13));
}
