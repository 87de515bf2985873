#include "judge/kayenta/classify.h"

#include "judge/kayenta/mann_whitney.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <numeric>
#include <optional>

namespace serin::judge::kayenta {

namespace {

constexpr double noise_scale = 1e-5;

double mean_of(std::span<const double> values) {
    const auto count = static_cast<double>(values.size());
    const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
    double rest = 0;  // What rounding lost.
    for (const double value : values) rest += value - mean;
    return mean + rest / count;
}

bool is_constant(std::span<const double> values) {
    return std::ranges::all_of(values, [&](double value) { return value == values.front(); });
}

std::vector<double> sorted(std::span<const double> values) {
    std::vector<double> copy(values.begin(), values.end());
    std::ranges::sort(copy);
    return copy;
}

// SplitMix64, seeded by the numbers it disturbs.
class Noise {
public:
    Noise(std::span<const double> experiment, std::span<const double> control) {
        for (const auto& values : {experiment, control}) {
            state_ ^= values.size();
            for (const double value : values) state_ = bits() ^ std::bit_cast<std::uint64_t>(value);
        }
    }
    std::vector<double> add_to(std::span<const double> values) {
        std::vector<double> noisy(values.begin(), values.end());
        if (noisy.front() == 0) return noisy;
        for (double& value : noisy) value += noise_scale * std::abs(value) * normal();
        return noisy;
    }

private:
    std::uint64_t bits() {
        state_ += 0x9E3779B97F4A7C15ULL;
        std::uint64_t x = state_;
        x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9ULL;
        x = (x ^ (x >> 27U)) * 0x94D049BB133111EBULL;
        return x ^ (x >> 31U);
    }
    double uniform() { return (static_cast<double>(bits() >> 12U) + 0.5) * 0x1p-52; }
    double normal() {
        const double radius = std::sqrt(-2 * std::log(uniform()));
        return radius * std::cos(2 * std::numbers::pi * uniform());
    }

    std::uint64_t state_ = 0;
};

Classification without_data(const MetricConfig& metric) {
    if (metric.replaces_nan) return {};
    if (metric.must_have_data && !metric.is_critical) {
        return {.label = Label::no_data_fail, .reason = "Missing data"};
    }
    return {.label = Label::no_data, .reason = "Missing data", .is_critical = metric.is_critical};
}

// An effect that cannot be computed does not stand in the way.
bool reaches(double effect, double limit) {
    return std::isnan(effect) || effect >= limit;
}
bool falls_to(double effect, double limit) {
    return std::isnan(effect) || effect <= limit;
}

}  // namespace

std::string_view to_string(Label label) {
    switch (label) {
        case Label::pass:
            return "Pass";
        case Label::high:
            return "High";
        case Label::low:
            return "Low";
        case Label::no_data:
            return "Nodata";
        case Label::no_data_fail:
            return "NodataFailMetric";
        case Label::error:
            return "Error";
    }
    return "";
}

double percentile(std::span<const double> sorted, double share) {
    const double at = static_cast<double>(sorted.size() - 1) * share;
    const auto below = static_cast<std::size_t>(at);
    if (below + 1 >= sorted.size()) return sorted.back();
    return sorted[below] + (at - std::floor(at)) * (sorted[below + 1] - sorted[below]);
}

// The fences never cut off more than about the lowest and highest hundredth.
std::vector<double> clean(std::span<const double> values, const MetricConfig& metric) {
    std::vector<double> kept;
    for (const double value : values) {
        if (!std::isnan(value)) {
            kept.push_back(value);
        } else if (metric.replaces_nan) {
            kept.push_back(0);
        }
    }
    if (!metric.removes_outliers || kept.empty()) return kept;
    const std::vector<double> ordered = sorted(kept);
    const double low = percentile(ordered, 0.25);
    const double high = percentile(ordered, 0.75);
    const double reach = metric.outlier_factor * (high - low);
    const double floor = std::min(percentile(ordered, 0.01), low - reach);
    const double ceiling = std::max(percentile(ordered, 0.99), high + reach);
    std::erase_if(kept, [&](double value) { return value < floor || value > ceiling; });
    return kept;
}

Summary summarise(std::span<const double> values) {
    if (values.empty()) return {};
    const auto [min, max] = std::ranges::minmax(values);
    const double mean = mean_of(values);
    double squares = 0;
    for (const double value : values) squares += (value - mean) * (value - mean);
    const auto others = static_cast<double>(values.size() - 1);
    return {
        .count = values.size(),
        .min = min,
        .max = max,
        .mean = mean,
        .deviation = others > 0 ? std::sqrt(squares / others) : 0};
}

Classification classify(
    std::span<const double> experiment,
    std::span<const double> control,
    const MetricConfig& metric) {
    if (experiment.empty() || control.empty()) return without_data(metric);
    if (sorted(experiment) == sorted(control)) {
        return {.reason = "The Canary and Baseline data are identical"};
    }
    const bool are_constant = is_constant(experiment) && is_constant(control);
    if (are_constant && experiment.front() == control.front()) return {};
    std::vector<double> x(experiment.begin(), experiment.end());
    std::vector<double> y(control.begin(), control.end());
    if (are_constant) {
        Noise noise(experiment, control);
        x = noise.add_to(experiment);
        y = noise.add_to(control);
    }
    const std::optional<Shift> shift = shift_between(x, y, confidence);
    if (!shift) {
        return {
            .label = Label::error,
            .reason = "No interval can be computed: all observations are tied",
            .deviation = 0};
    }
    const double x_mean = mean_of(x);
    const double y_mean = mean_of(y);
    Classification result;
    result.deviation =
        x_mean == 0 || y_mean == 0 ? std::numeric_limits<double>::quiet_NaN() : x_mean / y_mean;
    const EffectSize& sizes = metric.effect;
    const double effect =
        sizes.measure == Measure::superiority ? superiority(x, y) : result.deviation;
    const double bound = tolerance * std::abs(shift->estimate);
    const bool is_high = metric.direction != Direction::decrease && shift->lower > bound &&
                         reaches(effect, sizes.allowed_increase);
    const bool is_low = !is_high && metric.direction != Direction::increase &&
                        shift->upper < -bound && falls_to(effect, sizes.allowed_decrease);
    if (is_high || is_low) {
        result.label = is_high ? Label::high : Label::low;
        result.reason = metric.name + " was classified as ";
        result.reason += to_string(result.label);
        result.is_critical =
            metric.is_critical && (is_high ? reaches(effect, sizes.critical_increase)
                                           : falls_to(effect, sizes.critical_decrease));
    }
    return result;
}

}  // namespace serin::judge::kayenta
