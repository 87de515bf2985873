#include "rehearse/chance.h"

#include "base/check.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace serin::rehearse {

namespace {

// Above this mean, the normal distribution is close enough: what is asked are shares of thousands
// of requests, and the draws have to be many.
constexpr double exact_mean_max = 30;

}  // namespace

double Chance::uniform() {
    return (static_cast<double>(random_.next() >> 11U) + 0.5) * 0x1p-53;
}

double Chance::normal() {
    return std::sqrt(-2 * std::log(uniform())) * std::cos(2 * std::numbers::pi * uniform());
}

double Chance::exponential(double mean) {
    return -mean * std::log(uniform());
}

std::uint64_t Chance::poisson(double mean) {
    SERIN_CHECK(mean >= 0);
    if (mean > exact_mean_max) {
        const double drawn = std::round(mean + std::sqrt(mean) * normal());
        return static_cast<std::uint64_t>(std::max(0.0, drawn));
    }
    const double end = std::exp(-mean);
    std::uint64_t count = 0;
    for (double product = uniform(); product > end; product *= uniform()) ++count;
    return count;
}

std::uint64_t Chance::binomial(std::uint64_t count, double share) {
    SERIN_CHECK(0 <= share && share <= 1);
    if (count == 0 || share == 0) return 0;
    if (share > 0.5) return count - binomial(count, 1 - share);
    const auto n = static_cast<double>(count);
    const double mean = n * share;
    if (mean > exact_mean_max) {
        const double drawn = std::round(mean + std::sqrt(mean * (1 - share)) * normal());
        return static_cast<std::uint64_t>(std::clamp(drawn, 0.0, n));
    }
    // From one of those that happen to the next: as many draws as happen.
    const double log_miss = std::log1p(-share);
    std::uint64_t happened = 0;
    double at = 0;
    while (true) {
        at += std::floor(std::log(uniform()) / log_miss) + 1;
        if (at > n) return happened;
        ++happened;
    }
}

}  // namespace serin::rehearse
