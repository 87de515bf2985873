#include "judge/kayenta/mann_whitney.h"

#include "statistics/normal.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace serin::judge::kayenta {

namespace {

constexpr double tolerance = 1e-4;
constexpr double epsilon = 2.220446049250313e-16;
constexpr int steps_max = 1001;

struct Ranks {
    double experiment_sum = 0;
    double ties = 0;  // Sum of t^3 - t over groups of t tied values.
};

struct Ranked {
    double value = 0;
    bool is_experiment = false;
};

Ranks rank(std::vector<Ranked>& pooled) {
    std::ranges::sort(pooled, {}, &Ranked::value);
    Ranks ranks;
    for (std::size_t i = 0, j = 0; i < pooled.size(); i = j) {
        std::size_t experiments = 0;
        for (; j < pooled.size() && pooled[j].value == pooled[i].value; ++j) {
            experiments += pooled[j].is_experiment ? 1U : 0U;
        }
        const auto tied = static_cast<double>(j - i);
        const double average = (static_cast<double>(i + j) + 1) / 2;
        ranks.experiment_sum += average * static_cast<double>(experiments);
        ranks.ties += tied * tied * tied - tied;
    }
    return ranks;
}

// How far the rank sum is from what it would be if the experiment were control plus `shift`, in
// standard deviations: falls in steps as the shift grows.
class Distance {
public:
    Distance(std::span<const double> experiment, std::span<const double> control)
        : experiment_(experiment), control_(control) {}

    double operator()(double shift, double quantile) {
        pooled_.clear();
        for (const double x : experiment_) pooled_.push_back({x - shift, true});
        for (const double y : control_) pooled_.push_back({y, false});
        const Ranks ranks = rank(pooled_);
        const auto m = static_cast<double>(experiment_.size());
        const auto n = static_cast<double>(control_.size());
        const double w = ranks.experiment_sum - m * (m + 1) / 2 - m * n / 2;
        const double correction = w > 0 ? 0.5 : w < 0 ? -0.5 : 0;
        const double sigma =
            std::sqrt(m * n / 12 * ((m + n + 1) - ranks.ties / ((m + n) * (m + n - 1))));
        if (sigma == 0) is_tied_ = true;
        return (w - correction) / sigma - quantile;
    }
    bool is_tied() const { return is_tied_; }

private:
    std::span<const double> experiment_;
    std::span<const double> control_;
    std::vector<Ranked> pooled_;
    bool is_tied_ = false;
};

struct Bracket {
    double low = 0;
    double high = 0;
};

// R's zeroin (Brent 1973), step by step: Kayenta's verdicts depend on where it stops.
double zero_in(Distance& distance, double quantile, Bracket bracket) {
    double a = bracket.low;
    double b = bracket.high;
    double fa = distance(a, quantile);
    double fb = distance(b, quantile);
    double c = a;
    double fc = fa;
    if (fa == 0) return a;
    if (fb == 0) return b;
    for (int i = 0; i < steps_max; ++i) {
        const double previous = b - a;
        if (std::abs(fc) < std::abs(fb)) {  // b is the best approximation.
            a = std::exchange(b, c);
            c = a;
            fa = std::exchange(fb, fc);
            fc = fa;
        }
        const double least = 2 * epsilon * std::abs(b) + tolerance / 2;
        double step = (c - b) / 2;
        if (std::abs(step) <= least || fb == 0) return b;

        if (std::abs(previous) >= least && std::abs(fa) > std::abs(fb)) {
            const double cb = c - b;
            double p = 0;
            double q = 0;
            if (a == c) {  // Two points: a line.
                const double t = fb / fa;
                p = cb * t;
                q = 1 - t;
            } else {  // Inverse quadratic.
                const double r = fa / fc;
                const double s = fb / fc;
                const double t = fb / fa;
                p = t * (cb * r * (r - s) - (b - a) * (s - 1));
                q = (r - 1) * (s - 1) * (t - 1);
            }
            (p > 0 ? q : p) *= -1;
            const bool is_inside = p < 0.75 * cb * q - std::abs(least * q) / 2;
            if (is_inside && p < std::abs(previous * q / 2)) step = p / q;
        }
        if (std::abs(step) < least) step = step > 0 ? least : -least;
        a = b;
        fa = fb;
        b += step;
        fb = distance(b, quantile);
        if ((fb > 0 && fc > 0) || (fb < 0 && fc < 0)) {
            c = a;
            fc = fa;
        }
    }
    return b;
}

// With few points the quantile lies beyond what any shift reaches: then the end of the bracket.
double root(Distance& distance, double quantile, Bracket bracket) {
    if (distance(bracket.low, quantile) <= 0) return bracket.low;
    if (distance(bracket.high, quantile) >= 0) return bracket.high;
    return zero_in(distance, quantile, bracket);
}

}  // namespace

std::optional<Shift> shift_between(
    std::span<const double> experiment, std::span<const double> control, double confidence) {
    const auto [x_min, x_max] = std::ranges::minmax(experiment);
    const auto [y_min, y_max] = std::ranges::minmax(control);
    const Bracket bracket{.low = x_min - y_max, .high = x_max - y_min};
    const double z = statistics::normal_quantile((1 - confidence) / 2);
    Distance distance(experiment, control);
    const Shift shift{
        .lower = root(distance, -z, bracket),
        .upper = root(distance, z, bracket),
        .estimate = zero_in(distance, 0, bracket)};
    if (distance.is_tied()) return std::nullopt;
    return shift;
}

double superiority(std::span<const double> experiment, std::span<const double> control) {
    std::vector<Ranked> pooled;
    for (const double x : experiment) pooled.push_back({x, true});
    for (const double y : control) pooled.push_back({y, false});
    const auto m = static_cast<double>(experiment.size());
    const auto n = static_cast<double>(control.size());
    return (2 * rank(pooled).experiment_sum - m * (m + 1)) / (2 * m * n);
}

}  // namespace serin::judge::kayenta
