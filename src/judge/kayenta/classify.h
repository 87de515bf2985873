#pragma once

#include "judge/kayenta/config.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

// One metric: what is left of its series after cleaning, and whether the experiment lies above or
// below the control.

namespace serin::judge::kayenta {

// Constants in Kayenta's judge; it reads no configuration for them.
constexpr double confidence = 0.98;
constexpr double tolerance = 0.25;

enum class Label {
    pass,
    high,
    low,
    no_data,
    no_data_fail,  // It must have data and has none; counts like High or Low.
    error,         // It cannot be computed; leaves the score.
};
std::string_view to_string(Label label);  // As Kayenta writes it: "NodataFailMetric".

struct Classification {
    Label label = Label::pass;
    std::string reason;
    double deviation = 1;      // Mean of experiment over mean of control; NaN if either is 0.
    bool is_critical = false;  // It fails the whole canary.
};

// All 0 for an empty series.
struct Summary {
    std::size_t count = 0;
    double min = 0;
    double max = 0;
    double mean = 0;
    double deviation = 0;  // Standard, of a sample.
};

// Drops NaN or replaces it by 0, then drops outliers if the metric wants that.
std::vector<double> clean(std::span<const double> values, const MetricConfig& metric);

Summary summarise(std::span<const double> values);

// `experiment` and `control` are clean. Two series that are each constant get tiny noise, as in
// Kayenta; here it is drawn from the series themselves, so that equal input has equal results.
Classification classify(
    std::span<const double> experiment,
    std::span<const double> control,
    const MetricConfig& metric);

// The value below which a share of the sorted values lies, between neighbours by a line (R's type
// 7). REQUIRES: not empty.
double percentile(std::span<const double> sorted, double share);

}  // namespace serin::judge::kayenta
