#pragma once

#include <cstdint>

// When an e-process stakes how much. A process that starts once must first win back what a long
// healthy time cost it; so a part of the stake is kept and put down later: at each step of a
// release and on a grid in time. All that is ever put down sums to at most 1, whatever the release
// does, which is what keeps the whole an e-process.

namespace serin::statistics {

struct StakePlan {
    double duration_s = 1800;  // How long the release is expected to last.
    double grid_s = 30;
    double steps = 4;  // Later steps expected; more are allowed.
};

// What may have been put down by now, 0.5 to 1: half at the start, a quarter over later steps, a
// quarter over the grid. The share of what was planned is even; what lasts longer than planned goes
// on with ever smaller stakes. Never falls as its arguments grow.
double stakes_due(const StakePlan& plan, std::uint64_t later_steps, double elapsed_s);

}  // namespace serin::statistics
