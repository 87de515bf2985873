#pragma once

#include "control/release_observe.h"
#include "model/decision.h"
#include "ports/object_store.h"

#include <string>
#include <vector>

namespace serin::control {

// The Experiment that a Rollout's step asks for: its templates are copies of the stable or the
// candidate revision's, which the world has to hold.
Result<Object> make_trial(
    const ObjectStore& store, const ReleaseWorld& world, const StartRun& action);

RunSeen see_trial(const Object& experiment);

// What would keep the Rollout's Experiments from being judged, before any of them is due.
std::vector<std::string> find_trial_problems(const ObjectStore& store, const ReleaseWorld& world);

}  // namespace serin::control
