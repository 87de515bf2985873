#include "statistics/divergence.h"

#include "base/check.h"

#include <algorithm>
#include <cmath>

namespace serin::statistics {

namespace {

constexpr double smallest = 1e-12;
constexpr int iterations_max = 200;

double edge(const Null& null, double stable) {
    return null.ratio * stable + null.difference;
}

// d/dp of divergence(q, p), without the sign trouble at q = 0.
double slope(double at, double of) {
    return (at - of) / (at * (1 - at));
}

double curvature(double at, double of) {
    return of / (at * at) + (1 - of) / ((1 - at) * (1 - at));
}

}  // namespace

double divergence(double p, double q) {
    const double failed = p > 0 ? p * std::log(p / q) : 0;
    const double fine = p < 1 ? (1 - p) * std::log((1 - p) / (1 - q)) : 0;
    return failed + fine;
}

bool holds(const Null& null, Rates rates) {
    const double at_edge = edge(null, rates.stable);
    return null.side == Side::above ? rates.canary <= at_edge : rates.canary >= at_edge;
}

// The objective restricted to the edge of H0 is convex in the stable rate t, so its derivative
// grows: Newton's steps, kept inside a bracket that shrinks.
Rates project(const Null& null, Rates rates, Sizes sizes) {
    SERIN_CHECK(0 < rates.canary && rates.canary < 1 && 0 < rates.stable && rates.stable < 1);
    if (holds(null, rates) || sizes.canary <= 0 || sizes.stable <= 0) return rates;
    if (null.ratio == 1 && null.difference == 0) {
        const double pooled = (sizes.canary * rates.canary + sizes.stable * rates.stable) /
                              (sizes.canary + sizes.stable);
        return {pooled, pooled};
    }
    const double crossing = (rates.canary - null.difference) / null.ratio;
    double low = std::max(std::min(rates.stable, crossing), smallest);
    double high = std::max(rates.stable, crossing);
    if (edge(null, high) >= 1 || edge(null, low) <= 0 || high >= 1 || low >= high) return rates;

    double t = low + (high - low) / 2;
    for (int i = 0; i < iterations_max && high - low > 1e-12 * high; ++i) {
        const double c = edge(null, t);
        const double gradient = sizes.canary * null.ratio * slope(c, rates.canary) +
                                sizes.stable * slope(t, rates.stable);
        (gradient < 0 ? low : high) = t;
        const double second = sizes.canary * null.ratio * null.ratio * curvature(c, rates.canary) +
                              sizes.stable * curvature(t, rates.stable);
        const double newton = t - gradient / second;
        const double next = newton > low && newton < high ? newton : low + (high - low) / 2;
        if (std::abs(next - t) <= 1e-13 * t) break;
        t = next;
    }
    return {edge(null, t), t};
}

double information(const Null& null, Rates rates, double weight) {
    const Sizes sizes{.canary = weight, .stable = 1 - weight};
    const Rates nearest = project(null, rates, sizes);
    return divergence(rates.canary, nearest.canary) +
           (1 - weight) / weight * divergence(rates.stable, nearest.stable);
}

}  // namespace serin::statistics
