#pragma once

#include "model/decision.h"

#include <string>
#include <vector>

// What must hold for every decision whatever was seen, checked from the outside: by the controller
// before it acts, by the simulator at every step, and by property tests. They repeat nothing of how
// the engine decides.

namespace serin::engine {

// Empty when all hold. Each text begins with the invariant's name in ARCHITECTURE's sense:
// "I1 capacity", "I2 limit", "I3 abort", "I4 last copy", "I6 liveness", "I8 order".
std::vector<std::string> broken_invariants(
    const Release& release, const Observation& seen, const Decision& decision);

}  // namespace serin::engine
