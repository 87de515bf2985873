#pragma once

#include <cstdint>
#include <span>
#include <vector>

// What is known of a rate after counting: a Beta distribution. Comparisons of several are integrals
// that are solved to better than 1e-8, without chance.

namespace serin::statistics {

struct Beta {
    double a = 1;  // 1 and the events seen, if nothing was known before.
    double b = 1;

    double mean() const { return a / (a + b); }
    double deviation() const;  // Standard.
};

// The posterior of a rate under an even prior. REQUIRES: events <= total.
Beta posterior(std::uint64_t events, std::uint64_t total);

// The chance that the rate is at most x.
double cdf(const Beta& beta, double x);

// The rate below which it lies with this chance. REQUIRES: 0 < chance < 1.
double quantile(const Beta& beta, double chance);

struct Standing {
    double chance_best = 0;    // That its rate is the highest. They sum to 1.
    double expected_loss = 0;  // By how much, on average, the best rate exceeds its own.
};

// Of every one of several independent rates, in their order. REQUIRES: at least one; all a, b >= 1.
std::vector<Standing> compare(std::span<const Beta> rates);

}  // namespace serin::statistics
