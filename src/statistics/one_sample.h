#pragma once

#include "statistics/log_space.h"

#include <array>
#include <cstddef>
#include <cstdint>

// Does an event (a failure) happen more often, or less often, than a fixed bound allows? An
// e-process against a known rate, for service level objectives. Exact whatever the requests depend
// on, as long as H0 holds: each request's chance, given the past, is on the right side of the
// bound.

namespace serin::statistics {

constexpr std::size_t bound_points = 10;

// Alternatives on one side of the bound.
struct BoundBets {
    std::array<double, bound_points> rates{};
    // What an event, and a request without one, adds to ln of the evidence.
    std::array<double, bound_points> ln_event{};
    std::array<double, bound_points> ln_none{};
    std::size_t points = 0;
    double bound = 0;
};

// Rates from 1.5 times the odds of the bound to nearly certain. REQUIRES: 0 < bound < 0.95.
BoundBets bets_above(double bound);
// Three quarters, a half and a fifth of the bound. REQUIRES: 0 < bound < 1.
BoundBets bets_below(double bound);

struct OneSample {
    std::array<double, bound_points> ln_wealth;
    double staked = 0;
    double ln_peak = 0;

    OneSample() { ln_wealth.fill(ln_zero); }

    void stake(double due, const BoundBets& bets);
    void add(std::uint64_t count, std::uint64_t events, const BoundBets& bets);
    // Gives up what was won, as if the stakes had just been put down. Only ever lowers the value.
    void forget(const BoundBets& bets);
    double ln_value(const BoundBets& bets) const;
};

// Whether an arm is on the wrong side of the bound right now: Page's CUSUM over the same bets,
// which forgets good times at once and bad ones soon after they end.
struct BoundAlarm {
    std::array<double, bound_points> ln_evidence{};

    void add(std::uint64_t count, std::uint64_t events, const BoundBets& bets);
    bool is_raised(const BoundBets& bets) const;
};

}  // namespace serin::statistics
