#pragma once

#include "base/json.h"
#include "manifest/argo/lower.h"
#include "manifest/argo/project.h"
#include "model/observation.h"
#include "model/release.h"

#include <string>

// What a status says otherwise of a Rollout with strategy.blueGreen: there, the revision that the
// active service selects stands for the whole.

namespace serin::argo {

// status.blueGreen.
json::Object project_blue_green(const Lowered& lowered, const ReleaseState& state);
// What status.serin has to keep of a flip; empty when nothing.
json::Object project_flip_memory(const FlipNote& note);
void read_blue_green(const Object& rollout, ReleaseState& state);

// Replicas of the active revision, for autoscalers.
int active_replicas(const ReleaseState& state, const Observation& seen);
bool is_active_saturated(const ReleaseState& state, const Observation& seen);
// The services select the candidate.
bool is_cut_over(const Lowered& lowered, const ReleaseState& state);
// What is waited for once all updated replicas are available, or "".
std::string blue_green_wait(const ReleaseState& state);

}  // namespace serin::argo
