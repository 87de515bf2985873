#include "statistics/share_bet.h"

#include "base/check.h"

#include <algorithm>
#include <cmath>

namespace serin::statistics {

namespace {

constexpr std::array<double, share_points> fractions{0.05, 0.1, 0.2, 0.4, 0.7, 0.95};

constexpr double dispersion_max = 1.4;
constexpr double doubt = 5;  // Nats: e^-5 is the chance of what is taken for clusters at one look.

}  // namespace

void ShareBet::stake(double due) {
    SERIN_CHECK(due <= 1);
    if (due <= staked) return;
    for (double& ln : ln_wealth) ln = ln_add(ln, std::log(due - staked));
    staked = due;
}

void ShareBet::add(const Second& second, double ratio) {
    const auto canary_events = static_cast<double>(second.canary_events);
    const double events = canary_events + static_cast<double>(second.stable_events);
    const auto canary = static_cast<double>(second.canary);
    const auto stable = static_cast<double>(second.stable);
    if (events == 0 || canary == 0 || stable == 0) return;
    const double expected = ratio * canary / (ratio * canary + stable);
    const double surplus = canary_events / events / expected - 1;
    for (std::size_t i = 0; i < share_points; ++i)
        ln_wealth[i] += std::log1p(fractions[i] * surplus);
}

double ShareBet::ln_value() const {
    const double highest = *std::max_element(ln_wealth.begin(), ln_wealth.end());
    const double kept = 1 - staked;
    if (highest == ln_zero) return kept > 0 ? std::log(kept) : ln_zero;
    double sum = 0;
    for (const double ln : ln_wealth) sum += std::exp(ln - highest);
    const double ln_staked = highest + std::log(sum / share_points);
    return kept > 0 ? ln_add(ln_staked, std::log(kept)) : ln_staked;
}

void Dispersion::add(const Second& second) {
    if (second.stable_events == 0) return;
    const auto events = static_cast<double>(second.stable_events);
    const double surplus = static_cast<double>(second.stable_events_a) - events / 2;
    squares += surplus * surplus;
    expected += events / 4;
    variance += events * (events - 1) / 8;
}

// The bound of Laurent and Massart for sums of squares. Its second term counts where few seconds
// hold most events: there chance goes much further than a normal distribution does.
bool Dispersion::is_significant() const {
    const double events_in_a_second = 1 + 2 * variance / expected;
    return value() > dispersion_max &&
           squares - expected > std::sqrt(2 * doubt * variance) + doubt / 2 * events_in_a_second;
}

}  // namespace serin::statistics
