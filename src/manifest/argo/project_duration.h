#pragma once

#include "base/json.h"
#include "manifest/argo/lower.h"
#include "model/observation.h"
#include "model/release.h"
#include "ports/object.h"

namespace serin::argo {

// status.duration: since when the present update is under way, how long people held it, and how it
// ended. `rollout` has the former status. Empty before the first update.
json::Object project_duration(
    const Object& rollout,
    const Lowered& lowered,
    const ReleaseState& state,
    const Observation& seen);

}  // namespace serin::argo
