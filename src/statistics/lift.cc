#include "statistics/lift.h"

#include "base/check.h"
#include "statistics/log_space.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace serin::statistics {

namespace {

// Of the odds. Dense where real experiments lie.
constexpr std::array<double, lift_points> lifts{
    1.02, 1.04, 1.06, 1.08, 1.1, 1.13, 1.17, 1.22, 1.3, 1.42, 1.6, 2, 3, 5};

constexpr double rate_min = 1e-5;

}  // namespace

// Both bets lie evenly around the expected rate, so that it may be off without a first-order cost.
void Lift::add(const Block& block, double expected) {
    SERIN_CHECK(block.canary > 0 && block.stable > 0);
    const double middle = logit(std::clamp(expected, rate_min, 1 - rate_min));
    const auto canary = static_cast<double>(block.canary);
    const auto stable = static_cast<double>(block.stable);
    const auto canary_events = static_cast<double>(block.canary_events);
    const auto stable_events = static_cast<double>(block.stable_events);
    for (std::size_t i = 0; i < lift_points; ++i) {
        const double half = std::log(lifts[i]) / 2;
        const double above = expit(middle + half);
        const double below = expit(middle - half);
        const double null = (canary * above + stable * below) / (canary + stable);
        const double none = std::log1p(-null);
        ln_wealth[i] += (canary - canary_events) * (std::log1p(-above) - none) +
                        (stable - stable_events) * (std::log1p(-below) - none);
        if (canary_events > 0) ln_wealth[i] += canary_events * std::log(above / null);
        if (stable_events > 0) ln_wealth[i] += stable_events * std::log(below / null);
    }
    ln_peak = std::max(ln_peak, ln_value());
}

double Lift::ln_value() const {
    const double highest = *std::ranges::max_element(ln_wealth);
    double sum = 0;
    for (const double wealth : ln_wealth) sum += std::exp(wealth - highest);
    return highest + std::log(sum / static_cast<double>(lift_points));
}

void SplitCheck::add(
    std::size_t arm, std::span<const std::uint64_t> counts, std::span<const double> weights) {
    const auto total =
        static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}));
    const auto arms = static_cast<double>(weights.size());
    // The prior is centred at the split that should be, worth as many visitors as there are arms.
    const double predicted =
        (arms * weights[arm] + static_cast<double>(counts[arm])) / (arms + total);
    ln_value += std::log(predicted / weights[arm]);
    ln_peak = std::max(ln_peak, ln_value);
}

std::vector<std::size_t> discoveries(std::span<const double> ln_values, double alpha) {
    std::vector<std::size_t> order(ln_values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(
        order, std::ranges::greater{}, [&](std::size_t i) { return ln_values[i]; });
    std::size_t found = 0;
    for (std::size_t k = 1; k <= order.size(); ++k) {
        const double limit =
            std::log(static_cast<double>(order.size()) / (static_cast<double>(k) * alpha));
        if (ln_values[order[k - 1]] >= limit) found = k;
    }
    order.resize(found);
    return order;
}

}  // namespace serin::statistics
