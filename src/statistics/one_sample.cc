#include "statistics/one_sample.h"

#include "base/check.h"

#include <algorithm>
#include <cmath>

namespace serin::statistics {

namespace {

constexpr double ln_raised = 4.6;  // 100 to 1.
constexpr double ln_cap = 7;       // So that the end of a long outage is noticed as soon.

BoundBets with_logs(BoundBets bets) {
    for (std::size_t i = 0; i < bets.points; ++i) {
        bets.ln_event[i] = std::log(bets.rates[i] / bets.bound);
        bets.ln_none[i] = std::log1p(-bets.rates[i]) - std::log1p(-bets.bound);
    }
    return bets;
}

}  // namespace

BoundBets bets_above(double bound) {
    SERIN_CHECK(0 < bound && bound < 0.95);
    const double low = logit(bound) + std::log(1.5);
    const double high = std::max(logit(0.99), low + 1);
    BoundBets bets{.points = bound_points, .bound = bound};
    for (std::size_t i = 0; i < bound_points; ++i) {
        bets.rates[i] = expit(low + (high - low) * static_cast<double>(i) / (bound_points - 1));
    }
    return with_logs(bets);
}

BoundBets bets_below(double bound) {
    SERIN_CHECK(0 < bound && bound < 1);
    BoundBets bets{.points = 3, .bound = bound};
    bets.rates[0] = 0.75 * bound;
    bets.rates[1] = 0.5 * bound;
    bets.rates[2] = 0.2 * bound;
    return with_logs(bets);
}

void OneSample::stake(double due, const BoundBets& bets) {
    SERIN_CHECK(due <= 1);
    if (due <= staked) return;
    const double ln_more = std::log(due - staked);
    for (std::size_t i = 0; i < bets.points; ++i) ln_wealth[i] = ln_add(ln_wealth[i], ln_more);
    staked = due;
}

void OneSample::add(std::uint64_t count, std::uint64_t events, const BoundBets& bets) {
    const auto failed = static_cast<double>(events);
    const auto fine = static_cast<double>(count - events);
    for (std::size_t i = 0; i < bets.points; ++i) {
        ln_wealth[i] += failed * bets.ln_event[i] + fine * bets.ln_none[i];
    }
    ln_peak = std::max(ln_peak, ln_value(bets));
}

void OneSample::forget(const BoundBets& bets) {
    const double ln_staked = staked > 0 ? std::log(staked) : ln_zero;
    for (std::size_t i = 0; i < bets.points; ++i) ln_wealth[i] = std::min(ln_wealth[i], ln_staked);
}

double OneSample::ln_value(const BoundBets& bets) const {
    double sum = 0;
    const double highest = *std::max_element(
        ln_wealth.begin(), ln_wealth.begin() + static_cast<std::ptrdiff_t>(bets.points));
    const double kept = 1 - staked;
    if (highest == ln_zero) return kept > 0 ? std::log(kept) : ln_zero;
    for (std::size_t i = 0; i < bets.points; ++i) sum += std::exp(ln_wealth[i] - highest);
    const double ln_staked = highest + std::log(sum / static_cast<double>(bets.points));
    return kept > 0 ? ln_add(ln_staked, std::log(kept)) : ln_staked;
}

void BoundAlarm::add(std::uint64_t count, std::uint64_t events, const BoundBets& bets) {
    const auto failed = static_cast<double>(events);
    const auto fine = static_cast<double>(count - events);
    for (std::size_t i = 0; i < bets.points; ++i) {
        const double ln = ln_evidence[i] + failed * bets.ln_event[i] + fine * bets.ln_none[i];
        ln_evidence[i] = std::clamp(ln, 0.0, ln_cap);
    }
}

bool BoundAlarm::is_raised(const BoundBets& bets) const {
    return std::any_of(
        ln_evidence.begin(),
        ln_evidence.begin() + static_cast<std::ptrdiff_t>(bets.points),
        [](double ln) { return ln >= ln_raised; });
}

}  // namespace serin::statistics
