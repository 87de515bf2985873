#pragma once

#include "base/result.h"
#include "control/release_observe.h"
#include "model/release.h"
#include "ports/object_store.h"

namespace serin::control {

// Gives the ReplicaSets of a release, and the pods they have, the labels and annotations of their
// roles, and takes away those of a former role. No pod restarts for it. Idempotent.
Result<> keep_pod_metadata(
    ObjectStore& store, const ReleaseWorld& world, const ReleaseState& state);

}  // namespace serin::control
