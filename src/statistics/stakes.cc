#include "statistics/stakes.h"

#include <algorithm>
#include <cmath>

namespace serin::statistics {

namespace {

constexpr double at_start = 0.5;
constexpr double over_steps = 0.25;
constexpr double over_time = 0.25;
constexpr double within_plan = 0.8;  // Of each part; the rest is for what lasts longer.

// The share of a part that is due after `count` of `planned` restarts: even within the plan, then
// 1/2, 2/3, 3/4 ... of the rest, so that it stays below 1 for ever.
double share_due(double count, double planned) {
    const double even = within_plan * std::min(count / planned, 1.0);
    const double beyond = std::max(count - planned, 0.0);
    return even + (1 - within_plan) * beyond / (beyond + 1);
}

}  // namespace

double stakes_due(const StakePlan& plan, std::uint64_t later_steps, double elapsed_s) {
    const double points = std::max(std::floor(elapsed_s / plan.grid_s), 0.0);
    const double planned = std::max(std::floor(plan.duration_s / plan.grid_s), 1.0);
    return at_start +
           over_steps * share_due(static_cast<double>(later_steps), std::max(plan.steps, 1.0)) +
           over_time * share_due(points, planned);
}

}  // namespace serin::statistics
