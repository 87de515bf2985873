#include "statistics/silence.h"

#include "base/check.h"

#include <algorithm>
#include <cmath>

namespace serin::statistics {

namespace {

// The canary's share of the answers that is bet on, as a part of what is tolerated: from answering
// three of four to answering hardly any.
constexpr std::array<double, silence_points> parts{0.75, 0.5, 0.2, 0.01};

}  // namespace

void Silence::add(std::uint64_t canary, std::uint64_t stable, double weight, double tolerated) {
    SERIN_CHECK(0 < weight && weight < 1);
    SERIN_CHECK(0 < tolerated && tolerated <= 1);
    // Of the answers of both arms, when the canary answers only the tolerated part of its requests.
    const double least = tolerated * weight / (tolerated * weight + 1 - weight);
    for (std::size_t i = 0; i < silence_points; ++i) {
        const double bet = parts[i] * least;
        ln_wealth[i] += static_cast<double>(canary) * std::log(parts[i]) +
                        static_cast<double>(stable) * (std::log1p(-bet) - std::log1p(-least));
    }
    ln_peak = std::max(ln_peak, ln_value());
}

double Silence::ln_value() const {
    const double highest = *std::ranges::max_element(ln_wealth);
    double sum = 0;
    for (const double wealth : ln_wealth) sum += std::exp(wealth - highest);
    return highest + std::log(sum / static_cast<double>(silence_points));
}

}  // namespace serin::statistics
