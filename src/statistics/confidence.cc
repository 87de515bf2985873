#include "statistics/confidence.h"

#include "base/check.h"

#include <cmath>

namespace serin::statistics {

namespace {

constexpr double ln_sqrt_two_pi = 0.91893853320467274178;

double ln_beta(double a, double b) {
    return ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b);
}

// The mixture's evidence against `rate` falls towards events / count from either side.
double edge(double from, double to, double failed, double fine, double ln_allowed) {
    const double ln_mixture = ln_beta(0.5 + failed, 0.5 + fine) - ln_beta(0.5, 0.5);
    for (int i = 0; i < 100; ++i) {
        const double rate = from + (to - from) / 2;
        double ln_evidence = ln_mixture;
        if (failed > 0) ln_evidence -= failed * std::log(rate);
        if (fine > 0) ln_evidence -= fine * std::log1p(-rate);
        (ln_evidence < ln_allowed ? from : to) = rate;
    }
    return from;
}

}  // namespace

// Stirling's series, after moving small arguments up.
double ln_gamma(double x) {
    SERIN_CHECK(x > 0);
    double product = 1;
    while (x < 12) {
        product *= x;
        x += 1;
    }
    const double y = 1 / (x * x);
    const double series =
        (1.0 / 12 - y * (1.0 / 360 - y * (1.0 / 1260 - y * (1.0 / 1680 - y / 1188)))) / x;
    return (x - 0.5) * std::log(x) - x + ln_sqrt_two_pi + series - std::log(product);
}

Interval rate_interval(std::uint64_t events, std::uint64_t count, double alpha) {
    SERIN_CHECK(events <= count);
    SERIN_CHECK(0 < alpha && alpha < 1);
    if (count == 0) return {};
    const auto failed = static_cast<double>(events);
    const auto fine = static_cast<double>(count - events);
    const double observed = failed / static_cast<double>(count);
    const double ln_allowed = std::log(1 / alpha);
    return {
        .low = events == 0 ? 0 : edge(observed, 0, failed, fine, ln_allowed),
        .high = events == count ? 1 : edge(observed, 1, failed, fine, ln_allowed)};
}

}  // namespace serin::statistics
