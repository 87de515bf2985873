#pragma once

#include <cmath>
#include <limits>

// Arithmetic on logarithms of numbers that would over- or underflow.

namespace serin::statistics {

constexpr double ln_zero = -std::numeric_limits<double>::infinity();

// ln(e^a + e^b).
inline double ln_add(double a, double b) {
    if (a < b) return ln_add(b, a);
    return b == ln_zero ? a : a + std::log1p(std::exp(b - a));
}

inline double logit(double p) {
    return std::log(p / (1 - p));
}

inline double expit(double x) {
    return 1 / (1 + std::exp(-x));
}

}  // namespace serin::statistics
