#pragma once

#include <optional>
#include <span>

// By how much one series lies above another: the Mann-Whitney interval for a shift of location, as
// R's wilcox.test computes it by the normal approximation with continuity correction, and as
// Kayenta does in its place. Equal to R down to where its root finder stops: the interval's ends
// are jumps of a step function, found to within 1e-4 whatever the unit of the series is.

namespace serin::judge::kayenta {

struct Shift {
    double lower = 0;
    double upper = 0;
    double estimate = 0;
};

// The interval for experiment minus control. Nothing when all observations are tied at some shift
// that is tried: then there is no interval. REQUIRES: neither is empty, all values are finite,
// 0 < confidence < 1.
std::optional<Shift> shift_between(
    std::span<const double> experiment, std::span<const double> control, double confidence);

// The chance that a value of the experiment is above one of the control, ties counting half (the
// common language effect size).
double superiority(std::span<const double> experiment, std::span<const double> control);

}  // namespace serin::judge::kayenta
