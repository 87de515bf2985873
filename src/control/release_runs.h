#pragma once

#include "control/release_observe.h"
#include "model/decision.h"
#include "ports/object_store.h"

#include <string>
#include <vector>

namespace serin::control {

// The AnalysisRun that the action asks for: the templates that the Rollout names at this step (or
// beside its steps), composed, with their arguments filled in. `invalid` tells what does not
// resolve.
Result<Object> make_run(
    const ObjectStore& store, const ReleaseWorld& world, const StartRun& action);

// The number of a revision, for what a turn makes of it: as its ReplicaSet has it now, which the
// same turn may have made, or given another number. Empty if there is none.
std::string revision_number(
    const ObjectStore& store, const ReleaseWorld& world, const std::string& revision);

// What would keep the Rollout's runs from being made, before any of them is due.
std::vector<std::string> find_run_problems(const ObjectStore& store, const ReleaseWorld& world);

}  // namespace serin::control
