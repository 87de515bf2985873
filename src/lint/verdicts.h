#pragma once

#include "judge/verdict.h"
#include "lint/uses.h"

#include <optional>
#include <vector>

// What a metric's conditions say of values that its provider could return, asked of the very code
// that judges releases.

namespace serin::lint {

// What the provider returns.
enum class Returned {
    unknown,  // Anything: web, plugins...
    list,     // Numbers, as Prometheus' vectors.
    number,
};
Returned returned_by(const UsedMetric& metric);

// False when a condition is missing, has arguments that are not known, or does not compile.
bool can_be_asked(const UsedMetric& metric);

// REQUIRES: can_be_asked, and for all but phase_of_nil returned_by is not unknown.
judge::Phase phase_of(const UsedMetric& metric, double value);
judge::Phase phase_of_nothing(const UsedMetric& metric);  // An empty list.
// Whether no data is nil, which most operators cannot take.
bool may_be_nil(const UsedMetric& metric);
judge::Phase phase_of_nil(const UsedMetric& metric);
// Why a measurement of 0.5 cannot be judged; empty if it can.
std::string problem_of(const UsedMetric& metric);

// What the metric measures, where that is known.
enum class Quantity { unknown, success_share, failure_share, latency_seconds };
struct Measured {
    Quantity quantity = Quantity::unknown;
    double scale = 1;          // 100 for percents.
    double quantile = 0;       // Of a latency; 0 when not known.
    bool is_relative = false;  // To the stable side.
    std::optional<Duration> window;
};
Measured measured_by(const UsedMetric& metric);

// Values to ask about, in ascending order, within what can come.
std::vector<double> sample_values(const UsedMetric& metric);

}  // namespace serin::lint
