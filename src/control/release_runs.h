#pragma once

#include "control/release_observe.h"
#include "model/decision.h"
#include "ports/object_store.h"

namespace serin::control {

// The AnalysisRun that the action asks for: the templates that the Rollout names at this step (or
// beside its steps), composed, with their arguments filled in. `invalid` tells what does not
// resolve.
Result<Object> make_run(
    const ObjectStore& store, const ReleaseWorld& world, const StartRun& action);

// What would keep the Rollout's runs from being made, before any of them is due.
std::vector<std::string> find_run_problems(const ObjectStore& store, const ReleaseWorld& world);

}  // namespace serin::control
