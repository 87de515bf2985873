#pragma once

#include "model/plan.h"
#include "ports/object.h"

#include <optional>

// A Rollout that takes its pod template from another workload. The template is resolved in memory
// at every turn and never written into the Rollout.

namespace serin::argo {

// The workload that `spec.workloadRef` names; empty without one, and for a kind that has no
// template to take.
std::optional<ObjectKey> workload_of(const Object& rollout);

// The Rollout with the template (and, where it gives none, the selector) of its workload.
Object with_template_of(Object rollout, const Object& workload);

}  // namespace serin::argo
