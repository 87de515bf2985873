#include "statistics/normal.h"

#include "base/check.h"

#include <cmath>
#include <numbers>

namespace serin::statistics {

double normal_cdf(double x) {
    return std::erfc(-x / std::numbers::sqrt2) / 2;
}

// A first guess good to 5e-4 (Abramowitz and Stegun 26.2.23), then Halley's steps, each of which
// triples the digits. In the lower tail alone, where the distribution function keeps its digits.
double normal_quantile(double p) {
    SERIN_CHECK(0 < p && p < 1);
    if (p > 0.5) return -normal_quantile(1 - p);
    const double t = std::sqrt(-2 * std::log(p));
    double x = (2.515517 + t * (0.802853 + t * 0.010328)) /
                   (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))) -
               t;
    for (int i = 0; i < 3; ++i) {
        const double density =
            std::exp(-x * x / 2) * std::numbers::inv_sqrtpi / std::numbers::sqrt2;
        const double step = (normal_cdf(x) - p) / density;
        x -= step / (1 + x * step / 2);
    }
    return x;
}

}  // namespace serin::statistics
