#pragma once

#include "sim/random.h"

#include <cstdint>

namespace serin::rehearse {

// Draws from distributions, from one seed: equal seeds, equal draws.
class Chance {
public:
    explicit Chance(std::uint64_t seed) : random_(seed) {}

    double uniform();  // Above 0, below 1.
    double normal();
    double exponential(double mean);
    Duration duration(Duration least, Duration most) { return random_.duration(least, most); }
    // How many of many independent events happen. REQUIRES: mean >= 0.
    std::uint64_t poisson(double mean);
    // How many of `count` happen, each with probability `share`. REQUIRES: 0 <= share <= 1.
    std::uint64_t binomial(std::uint64_t count, double share);

    Chance fork(std::uint64_t stream) const { return Chance(random_.fork(stream)); }

private:
    explicit Chance(sim::Random random) : random_(random) {}
    sim::Random random_;
};

}  // namespace serin::rehearse
