#pragma once

// The standard normal distribution, to the last digits of a double.

namespace serin::statistics {

double normal_cdf(double x);

// The x with normal_cdf(x) = p. REQUIRES: 0 < p < 1.
double normal_quantile(double p);

}  // namespace serin::statistics
