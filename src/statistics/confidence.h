#pragma once

#include <cstdint>

// For people to look at: where a rate lies, valid at every moment one looks.

namespace serin::statistics {

struct Interval {
    double low = 0;
    double high = 1;
};

// A confidence sequence for a constant rate (beta-binomial mixture): over all time, the rate lies
// outside with probability at most `alpha`. [0, 1] without observations.
// REQUIRES: events <= count, 0 < alpha < 1.
Interval rate_interval(std::uint64_t events, std::uint64_t count, double alpha);

// ln of the gamma function, for x > 0. Unlike the C library's it has no global state.
double ln_gamma(double x);

}  // namespace serin::statistics
