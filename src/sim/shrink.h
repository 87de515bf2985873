#pragma once

#include "sim/scenario.h"

#include <functional>
#include <vector>

namespace serin::sim {

// The fewest parts (see Scenario::parts) with which the scenario still fails: none of them can be
// left out alone. At most `tries_max` scenarios are played.
// REQUIRES: `fails(scenario)`.
std::vector<std::size_t> shrink(
    const Scenario& scenario,
    const std::function<bool(const Scenario&)>& fails,
    int tries_max = 400);

}  // namespace serin::sim
