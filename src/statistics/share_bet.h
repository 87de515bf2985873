#pragma once

#include "statistics/log_space.h"

#include <array>
#include <cstddef>
#include <cstdint>

// A test for events that come in clusters (retry storms, a poison batch), where evidence by request
// would be too strong. A second counts once, however many events it had: the canary's share of them
// is bet on against its share of the requests. And the measure that says when this is needed.

namespace serin::statistics {

constexpr std::size_t share_points = 6;

struct Second {
    std::uint64_t canary = 0;
    std::uint64_t canary_events = 0;
    std::uint64_t stable = 0;
    std::uint64_t stable_events = 0;
    std::uint64_t stable_events_a = 0;  // Of half of the stable units, chosen by a fair coin.
};

struct ShareBet {
    std::array<double, share_points> ln_wealth;
    double staked = 0;

    ShareBet() { ln_wealth.fill(ln_zero); }

    void stake(double due);
    // H0: the canary's rate is at most `ratio` times stable's in this second.
    void add(const Second& second, double ratio);
    double ln_value() const;
};

// How much more two equal halves of stable differ than independent requests would: 1 if they are
// independent, about the mean cluster size if not.
struct Dispersion {
    double squares = 5;  // Both with a prior of five seconds.
    double expected = 5;
    double variance = 0;  // Of the squares, if requests are independent.

    void add(const Second& second);
    double value() const { return squares / expected; }
    // Clearly more than independent requests show by chance.
    bool is_significant() const;
};

}  // namespace serin::statistics
