#pragma once

#include "control/release_dialect.h"
#include "manifest/argo/lower.h"
#include "model/observation.h"
#include "ports/object_store.h"
#include "ports/traffic.h"

#include <string>
#include <vector>

namespace serin::control {

// The objects around one Rollout or Deployment at an instant, and what the engine sees in them.
struct ReleaseWorld {
    Object rollout;
    argo::Lowered lowered;
    const ReleaseDialect* dialect = &rollout_dialect();
    std::vector<Object> groups;  // Its ReplicaSets.
    std::vector<Object> trials;  // Its Experiments.
    std::vector<Object> runs;    // Its AnalysisRuns.
    Observation seen;
    // The wanted revision is known by the status alone: its template has become another one.
    bool is_wanted_by_status = false;

    const Object* group_of(const std::string& revision) const;
    const Object* run(const std::string& name) const;
};

// The ReplicaSets of `world.rollout` as revisions, and which of them it wants: all of a
// Deployment's world, and the beginning of a Rollout's.
Result<> observe_revisions(const ObjectStore& store, ReleaseWorld& world, Instant now);

// Fails only when the store does. What is missing or wrong in the world is part of the
// observation; a split that could not be read is an empty one.
Result<ReleaseWorld> observe_release(
    const ObjectStore& store,
    const TrafficRouter& router,
    Object rollout,
    argo::Lowered lowered,
    Instant now);

}  // namespace serin::control
