#include "statistics/beta.h"

#include "base/check.h"
#include "statistics/confidence.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace serin::statistics {

namespace {

constexpr int fractions_max = 100'000;
constexpr double precision = 1e-15;
constexpr double tiny = 1e-300;
// A rate's scale: integrals are cut at its mean and every half of a standard deviation around.
constexpr int cuts = 20;
constexpr double cut_width = 0.5;

double ln_density(const Beta& beta, double x) {
    const double ln_whole = ln_gamma(beta.a + beta.b) - ln_gamma(beta.a) - ln_gamma(beta.b);
    return ln_whole + (beta.a - 1) * std::log(x) + (beta.b - 1) * std::log1p(-x);
}

double at_least_tiny(double x) {
    return std::abs(x) < tiny ? tiny : x;
}

// The continued fraction of the incomplete beta function (Lentz's method), fast for x below the
// mean.
double fraction(const Beta& beta, double x) {
    const auto [a, b] = beta;
    double c = 1;
    double d = 1 / at_least_tiny(1 - (a + b) * x / (a + 1));
    double value = d;
    for (int i = 1; i < fractions_max; ++i) {
        const double m = i;
        const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d = 1 / at_least_tiny(1 + even * d);
        c = at_least_tiny(1 + even / c);
        value *= d * c;
        const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / at_least_tiny(1 + odd * d);
        c = at_least_tiny(1 + odd / c);
        const double factor = d * c;
        value *= factor;
        if (std::abs(factor - 1) < precision) break;
    }
    return value;
}

double lower_tail(const Beta& beta, double x) {
    const double ln_front = ln_density(beta, x) + std::log(x) + std::log1p(-x);
    return std::exp(ln_front) * fraction(beta, x) / beta.a;
}

// Gauss and Legendre's eight points on [-1, 1].
struct Node {
    double at = 0;
    double weight = 0;
};
constexpr std::array<Node, 4> nodes{
    {{0.1834346424956498, 0.3626837833783620},
     {0.5255324099163290, 0.3137066458778873},
     {0.7966664774136267, 0.2223810344533745},
     {0.9602898564975363, 0.1012285362903763}}};

// Where the integrands bend: every rate is smooth between these.
std::vector<double> edges_of(std::span<const Beta> rates) {
    std::vector<double> edges{0, 1};
    for (const Beta& rate : rates) {
        for (int i = -cuts; i <= cuts; ++i) {
            const double edge = rate.mean() + i * cut_width * rate.deviation();
            if (0 < edge && edge < 1) edges.push_back(edge);
        }
    }
    std::ranges::sort(edges);
    return edges;
}

}  // namespace

double Beta::deviation() const {
    return std::sqrt(a * b / ((a + b) * (a + b) * (a + b + 1)));
}

Beta posterior(std::uint64_t events, std::uint64_t total) {
    SERIN_CHECK(events <= total);
    return {.a = 1 + static_cast<double>(events), .b = 1 + static_cast<double>(total - events)};
}

double cdf(const Beta& beta, double x) {
    if (x <= 0) return 0;
    if (x >= 1) return 1;
    const bool is_low = x < (beta.a + 1) / (beta.a + beta.b + 2);
    return is_low ? lower_tail(beta, x) : 1 - lower_tail({.a = beta.b, .b = beta.a}, 1 - x);
}

double quantile(const Beta& beta, double chance) {
    SERIN_CHECK(0 < chance && chance < 1);
    double low = 0;
    double high = 1;
    double x = beta.mean();
    for (int i = 0; i < 200 && high - low > 1e-15 * high; ++i) {
        const double excess = cdf(beta, x) - chance;
        (excess < 0 ? low : high) = x;
        const double newton = x - excess / std::exp(ln_density(beta, x));
        const double next = newton > low && newton < high ? newton : low + (high - low) / 2;
        if (std::abs(next - x) <= 1e-14 * x) return next;
        x = next;
    }
    return x;
}

std::vector<Standing> compare(std::span<const Beta> rates) {
    std::vector<Standing> standings(rates.size());
    std::vector<double> below(rates.size());
    const std::vector<double> edges = edges_of(rates);
    double best = 0;  // The expectation of the highest rate.
    const auto add = [&](double x, double weight) {
        double all_below = 1;
        for (std::size_t i = 0; i < rates.size(); ++i) {
            below[i] = cdf(rates[i], x);
            all_below *= below[i];
        }
        best += weight * (1 - all_below);
        for (std::size_t i = 0; i < rates.size(); ++i) {
            const double density = std::exp(ln_density(rates[i], x));
            if (density == 0 || below[i] == 0) continue;
            standings[i].chance_best += weight * density * all_below / below[i];
        }
    };
    for (std::size_t i = 0; i + 1 < edges.size(); ++i) {
        const double half = (edges[i + 1] - edges[i]) / 2;
        if (half <= 0) continue;
        for (const Node& node : nodes) {
            add(edges[i] + half * (1 - node.at), half * node.weight);
            add(edges[i] + half * (1 + node.at), half * node.weight);
        }
    }
    for (std::size_t i = 0; i < rates.size(); ++i) {
        standings[i].expected_loss = std::max(best - rates[i].mean(), 0.0);
    }
    return standings;
}

}  // namespace serin::statistics
