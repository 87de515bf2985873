#include "judge/sample_size.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace serin;
using namespace serin::judge;

namespace {

const SequentialTest strict_test{
    .alpha = 0.01, .power = 0.8, .null = {.ratio = 1, .difference = 0}};

double strict(double base, double canary, double power) {
    SequentialTest test = strict_test;
    test.power = power;
    return *sequential_size({base, canary}, 0.05, test);
}

double margin(double base, double canary, double power) {
    return *sequential_size({base, canary}, 0.05, {.power = power});
}

}  // namespace

TEST_CASE("two equal arms need what tables of two proportions say") {
    const Effect effect{0.01, 0.015};
    CHECK(std::ceil(fixed_size(effect, 0.5, {.power = 0.8})) == 7750);
    CHECK(std::ceil(fixed_size(effect, 0.5, {.power = 0.9})) == 10375);
    CHECK(std::ceil(fixed_size(effect, 0.5, {.power = 0.95})) == 12830);
}

TEST_CASE("a larger stable arm spares canary requests, but not half of them") {
    CHECK(std::ceil(fixed_size({0.01, 0.015}, 0.1, {})) == 4985);
    CHECK(fixed_size({0.01, 0.015}, 0.001, {}) > 0.95 * 4640);
}

TEST_CASE("power and size are each other's inverse") {
    for (const double power : {0.5, 0.8, 0.99}) {
        for (const double weight : {0.05, 0.5}) {
            const double size = fixed_size({0.02, 0.03}, weight, {.power = power});
            CHECK(fixed_power({0.02, 0.03}, weight, size, 0.05) == doctest::Approx(power));
        }
    }
}

// The requests that the sequential judge was computed to need when it was designed, confirmed by
// simulation to within -15 and +10 %.
TEST_CASE("the sequential planner keeps its table") {
    const auto about = [](double value) { return doctest::Approx(value).epsilon(0.005); };
    CHECK(strict(0.001, 0.002, 0.8) == about(33611));
    CHECK(strict(0.001, 0.002, 0.95) == about(51515));
    CHECK(strict(0.001, 0.05, 0.8) == about(119));
    CHECK(strict(0.001, 0.05, 0.95) == about(196));
    CHECK(strict(0.01, 0.02, 0.95) == about(5084));
    CHECK(std::round(strict(0.01, 0.2, 0.95)) == 58);
    CHECK(margin(0.001, 0.002, 0.8) == about(492e3));
    CHECK(margin(0.001, 0.005, 0.95) == about(9897));
    CHECK(margin(0.001, 0.01, 0.8) == about(1495));
    CHECK(margin(0.001, 0.02, 0.95) == about(787));
    CHECK(margin(0.01, 0.015, 0.8) == about(52794));
    CHECK(margin(0.01, 0.05, 0.95) == about(671));
}

TEST_CASE("within the margin nothing is to be found") {
    CHECK_FALSE(sequential_size({0.01, 0.0115}, 0.05, {}));
    CHECK(sequential_size({0.01, 0.0115}, 0.05, strict_test));
}

TEST_CASE("the smallest weight is the one that has just enough requests") {
    const auto size = [](double weight) { return fixed_size({0.01, 0.015}, weight, {}); };
    const Traffic traffic{.per_second = 115.74, .step_s = 600};  // 10 million a day.
    const auto weight = smallest_weight(traffic, 0.01, 0.5, size);
    REQUIRE(weight);
    CHECK(*weight * traffic.per_second * traffic.step_s == doctest::Approx(size(*weight)));
    CHECK(*weight == doctest::Approx(0.069).epsilon(0.02));
    CHECK_FALSE(smallest_weight({.per_second = 1.157}, 0.01, 0.5, size));
    CHECK(smallest_weight({.per_second = 1e5}, 0.01, 0.5, size) == 0.01);
}

TEST_CASE("what can be found grows finer with the requests") {
    const auto coarse = detectable_rate(0.01, 0.05, 100, {});
    const auto fine = detectable_rate(0.01, 0.05, 10'000, {});
    REQUIRE(coarse);
    REQUIRE(fine);
    CHECK(*fine < *coarse);
    CHECK(*sequential_size({0.01, *fine}, 0.05, {}) == doctest::Approx(10'000));
    CHECK_FALSE(detectable_rate(0.01, 0.05, 1, {}));
}

TEST_CASE("passing costs more the narrower the margin is") {
    CHECK(passing_size(0.001, 0.05, 0.005, 0.05) == doctest::Approx(1.9 * 935).epsilon(0.01));
    CHECK(passing_size(0.01, 0.25, 0.01, 0.05) == doctest::Approx(1.9 * 1086).epsilon(0.01));
    CHECK(passing_size(0.01, 0.05, 0.002, 0.05) > passing_size(0.01, 0.05, 0.005, 0.05));
}
