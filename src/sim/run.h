#pragma once

#include "sim/scenario.h"
#include "sim/world.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace serin::sim {

struct SimOptions {
    std::uint64_t seed = 1;  // Of the first run; each further run has the next.
    std::int64_t runs = 1;
    bool is_traced = false;         // Prints what happens.
    std::vector<std::size_t> kept;  // Parts of the scenario to play; empty: all.
    bool shrinks = true;            // Looks for the smallest failing scenario.
};

// Plays random scenarios, printing what it finds with `print` (whole lines, without the newline).
// A scenario that breaks an invariant ends it: seed, time, the invariant in words, the end of its
// trace, the smallest scenario that still fails and the command to play that. Returns whether all
// runs kept all invariants. Equal options print equal lines.
bool run_sim(
    const SimOptions& options,
    const std::function<void(const std::string&)>& print,
    const WorldSettings& settings = {});

}  // namespace serin::sim
