#pragma once

#include <cstdint>

// When an e-process stakes how much. A process that starts once must first win back what a long
// healthy time cost it; so a part of the stake is kept and put down later: at each step of a
// release, on a coarse grid in time, and on a fine one for where so many requests pass in between
// that the last stake is long lost. All that is ever put down sums to at most 1, whatever the
// release does, which is what keeps the whole an e-process.

namespace serin::statistics {

struct StakePlan {
    double duration_s = 1800;  // How long the release is expected to last.
    double coarse_s = 30;
    double fine_s = 1;
    double steps = 4;  // Later steps expected; more are allowed.
};

// What may have been put down by now, 0.5 to 1: half at the start, a quarter over later steps, a
// quarter over the grids. The share of what was planned is even; what lasts longer than planned
// goes on with ever smaller stakes. Never falls as its arguments grow.
double stakes_due(const StakePlan& plan, std::uint64_t later_steps, double elapsed_s);

}  // namespace serin::statistics
