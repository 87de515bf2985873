#include "statistics/silence.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>

using namespace serin::statistics;

namespace {

// Answers until the guard speaks at 1 in 1000, when the canary answers `answered` of its tenth.
int answers_until_heard(double answered, int most) {
    Silence guard;
    std::uint64_t state = 7;
    for (int i = 1; i <= most; ++i) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        const double share = 0.1 * answered / (0.1 * answered + 0.9);
        const bool is_canary = static_cast<double>(state >> 11U) * 0x1p-53 < share;
        guard.add(is_canary ? 1 : 0, is_canary ? 0 : 1, 0.1);
        if (guard.ln_peak >= std::log(1000)) return i;
    }
    return most + 1;
}

}  // namespace

TEST_CASE("a canary that answers nothing is heard by what is missing") {
    CHECK(answers_until_heard(0, 1000) < 150);
    CHECK(answers_until_heard(0.3, 5000) < 1000);
}

TEST_CASE("a canary that answers, or nearly so, is left alone") {
    CHECK(answers_until_heard(1, 50'000) > 50'000);
    CHECK(answers_until_heard(0.85, 50'000) > 50'000);
}

TEST_CASE("each answer is a fair bet where the canary just answers what is tolerated") {
    for (const double weight : {0.01, 0.1, 0.5}) {
        const double least = 0.8 * weight / (0.8 * weight + 1 - weight);
        Silence canary;
        canary.add(1, 0, weight);
        Silence stable;
        stable.add(0, 1, weight);
        const double mean =
            least * std::exp(canary.ln_value()) + (1 - least) * std::exp(stable.ln_value());
        CHECK(mean == doctest::Approx(1));
    }
}
