#pragma once

#include "ports/object_store.h"

#include <optional>
#include <string>

namespace serin::control {

// A Rollout with the template that it takes from another workload, for one turn: the template is
// never written into the Rollout.
struct ResolvedRollout {
    Object rollout;
    std::string problem;  // Why there is no template: "spec.workloadRef: ... not found".
    // Replicas of the workload that the Rollout may take over; empty when it has none of its own.
    std::optional<int> source_replicas;
};

// Also follows up what the Rollout notes about itself: the workload's generation as an annotation,
// and `spec.replicas` where it is absent, so that autoscalers find it. Fails only when the store
// does.
Result<ResolvedRollout> resolve_workload(ObjectStore& store, Object rollout);

}  // namespace serin::control
