#include "judge/sample_size.h"

#include "base/check.h"
#include "statistics/log_space.h"
#include "statistics/normal.h"

#include <algorithm>
#include <cmath>

namespace serin::judge {

namespace {

// What the judge's mixture over effects and its stakes kept for later cost, in nats.
constexpr double mixture_cost = 3;
// From the median of the requests until a pass to their 80th percentile, by simulation.
constexpr double passing_spread = 1.9;
constexpr double highest_rate = 0.99;

double variance(double rate) {
    return rate * (1 - rate);
}

// Standard deviations of the difference of the rates for one canary request: if there is no
// difference, and if there is.
struct Deviations {
    double null_pooled = 0;
    double separate = 0;
};

Deviations deviations(const Effect& effect, double weight) {
    const double stable_per_canary = (1 - weight) / weight;
    const double pooled = weight * effect.canary + (1 - weight) * effect.base;
    return {
        .null_pooled = std::sqrt(variance(pooled) * (1 + 1 / stable_per_canary)),
        .separate = std::sqrt(variance(effect.canary) + variance(effect.base) / stable_per_canary)};
}

// Of the logarithm of the likelihood ratio of one request.
double ln_variance(double rate, double against) {
    const double spread = statistics::logit(rate) - statistics::logit(against);
    return variance(rate) * spread * spread;
}

// Requests until a random walk has passed the judge's bound with the test's power.
double walk_size(double drift, double spread, const SequentialTest& test) {
    const double bound = std::log(1 / test.alpha) + mixture_cost;
    const double z = statistics::normal_quantile(test.power);
    const double root =
        (z * std::sqrt(spread) + std::sqrt(z * z * spread + 4 * drift * bound)) / (2 * drift);
    return root * root;
}

}  // namespace

double fixed_size(const Effect& effect, double weight, const FixedTest& test) {
    SERIN_CHECK(0 < weight && weight < 1 && effect.base != effect.canary);
    const Deviations deviation = deviations(effect, weight);
    const double z = -statistics::normal_quantile(test.alpha / 2);
    const double reach = statistics::normal_quantile(test.power) * deviation.separate;
    const double threshold = z * std::max(deviation.null_pooled, deviation.separate);
    const double root = (threshold + reach) / (effect.canary - effect.base);
    return root * root;
}

double fixed_power(const Effect& effect, double weight, double requests, double alpha) {
    const Deviations deviation = deviations(effect, weight);
    const double z = -statistics::normal_quantile(alpha / 2);
    const double threshold = z * std::max(deviation.null_pooled, deviation.separate);
    const double shift = std::abs(effect.canary - effect.base) * std::sqrt(requests);
    return statistics::normal_cdf((shift - threshold) / deviation.separate);
}

// The evidence is a random walk with drift; it has passed its bound when its drift is `z` standard
// deviations above.
std::optional<double> sequential_size(
    const Effect& effect, double weight, const SequentialTest& test) {
    const statistics::Rates rates{.canary = effect.canary, .stable = effect.base};
    if (statistics::holds(test.null, rates)) return std::nullopt;
    const statistics::Rates nearest =
        statistics::project(test.null, rates, {.canary = weight, .stable = 1 - weight});
    const double stable_per_canary = (1 - weight) / weight;
    const double drift = statistics::information(test.null, rates, weight);
    const double spread = ln_variance(rates.canary, nearest.canary) +
                          stable_per_canary * ln_variance(rates.stable, nearest.stable);
    return walk_size(drift, spread, test);
}

double bound_size(double bound, double canary, const SequentialTest& test) {
    SERIN_CHECK(bound != canary);
    return walk_size(statistics::divergence(canary, bound), ln_variance(canary, bound), test);
}

double passing_size(double base, double weight, double difference, double beta) {
    const statistics::Null outside{
        .ratio = 1, .difference = difference, .side = statistics::Side::below};
    const double drift = statistics::information(outside, {.canary = base, .stable = base}, weight);
    return passing_spread * std::log(1 / beta) / drift;
}

std::optional<double> detectable_rate(
    double base, double weight, double requests, const SequentialTest& test) {
    const auto is_found = [&](double rate) {
        const auto size = sequential_size({.base = base, .canary = rate}, weight, test);
        return size && *size <= requests;
    };
    if (!is_found(highest_rate)) return std::nullopt;
    double low = base;
    double high = highest_rate;
    for (int i = 0; i < 60; ++i) {
        const double middle = (low + high) / 2;
        (is_found(middle) ? high : low) = middle;
    }
    return high;
}

}  // namespace serin::judge
