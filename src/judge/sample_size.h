#pragma once

#include "statistics/divergence.h"

#include <optional>
#include <vector>

// How many requests a judge needs before it can tell a bad canary from a good one, and what that
// means in time at a traffic level. Numbers of requests are of the canary; the stable arm has
// (1 - weight) / weight times as many beside it.

namespace serin::judge {

// What is to be told apart: shares of failed (or otherwise counted) requests.
struct Effect {
    double base = 0;    // Of a healthy version.
    double canary = 0;  // Of one that has to be found.
};

// --- One look at the end, the classic test of two proportions (two-sided).
struct FixedTest {
    double alpha = 0.05;
    double power = 0.8;
};

// Enough for either form of the z-test, with pooled or separate variances.
// REQUIRES: rates in (0, 1) and different, 0 < weight < 1, alpha and power in (0, 1).
double fixed_size(const Effect& effect, double weight, const FixedTest& test);

// The power of the same with `requests` on the canary.
double fixed_power(const Effect& effect, double weight, double requests, double alpha);

// --- Every request looked at: the sequential judge.
struct SequentialTest {
    double alpha = 0.01;
    double power = 0.95;
    // The margin within which nothing is harm.
    statistics::Null null = {.ratio = 1.2, .difference = 0.0005, .side = statistics::Side::above};
};

// Requests within which the judge has failed the canary with this power; nothing when the effect
// lies within its margin, where it must not. Against simulation: 13 %
// below to 10 % above what the judge needs at a power of 80 %, 12 % below to 27 % above at 95 %.
std::optional<double> sequential_size(
    const Effect& effect, double weight, const SequentialTest& test);

// The same where the canary is judged against a fixed bound, beyond which its rate lies on either
// side. REQUIRES: both in (0, 1) and different.
double bound_size(double bound, double canary, const SequentialTest& test);

// Requests within which a canary as good as stable has shown to be within the margin
// `difference`, with a chance of 80 %; beta is the chance to pass one that is not.
double passing_size(double base, double weight, double difference, double beta);

// --- At a traffic level.
struct Traffic {
    double per_second = 0;
    double step_s = 600;
};

// The smallest weight from `least` to `most` at which the step has the requests that are needed;
// nothing if even `most` is too small. `size` of a weight.
template <class Size>
std::optional<double> smallest_weight(
    const Traffic& traffic, double least, double most, const Size& size) {
    const auto suffices = [&](double weight) {
        return size(weight) <= weight * traffic.per_second * traffic.step_s;
    };
    if (!suffices(most)) return std::nullopt;
    if (suffices(least)) return least;
    // Requests that arrive grow with the weight faster than those that are needed.
    for (int i = 0; i < 50; ++i) {
        const double middle = (least + most) / 2;
        (suffices(middle) ? most : least) = middle;
    }
    return most;
}

// The smallest rate above the base that the sequential judge finds in so many canary requests;
// nothing if it would miss even a rate of 99 %.
std::optional<double> detectable_rate(
    double base, double weight, double requests, const SequentialTest& test);

}  // namespace serin::judge
