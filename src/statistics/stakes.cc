#include "statistics/stakes.h"

#include <algorithm>
#include <cmath>

namespace serin::statistics {

namespace {

constexpr double at_start = 0.5;
constexpr double over_steps = 0.25;
constexpr double over_grid = 0.125;  // Each of the two.
constexpr double within_plan = 0.8;  // Of each part; the rest is for what lasts longer.

// The share of a part that is due after `count` of `planned` restarts: even within the plan, then
// ever less of the rest, so that it stays below 1 for ever.
double share_due(double count, double planned) {
    const double even = within_plan * std::min(count / planned, 1.0);
    const double beyond = std::max(count - planned, 0.0);
    return even + (1 - within_plan) * beyond / (beyond + planned);
}

double grid_due(double elapsed_s, double duration_s, double grid_s) {
    const double points = std::max(std::floor(elapsed_s / grid_s), 0.0);
    return share_due(points, std::max(std::floor(duration_s / grid_s), 1.0));
}

}  // namespace

double stakes_due(const StakePlan& plan, std::uint64_t later_steps, double elapsed_s) {
    return at_start +
           over_steps * share_due(static_cast<double>(later_steps), std::max(plan.steps, 1.0)) +
           over_grid * grid_due(elapsed_s, plan.duration_s, plan.coarse_s) +
           over_grid * grid_due(elapsed_s, plan.duration_s, plan.fine_s);
}

}  // namespace serin::statistics
