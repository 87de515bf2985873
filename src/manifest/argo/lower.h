#pragma once

#include "base/diagnostic.h"
#include "manifest/argo/pod_metadata.h"
#include "model/plan.h"
#include "ports/object.h"
#include "ports/traffic.h"

#include <optional>
#include <string>
#include <vector>

// A Rollout as a plan: the last file on the way in that knows the dialect.

namespace serin::argo {

struct Lowered {
    Plan plan;  // Of use only without errors.
    int replicas = 1;
    std::string stable_service;
    std::string candidate_service;
    std::optional<RouteTarget> route;  // With a router.
    // Of pods in these roles.
    PodMetadata stable_metadata;
    PodMetadata candidate_metadata;
    // What pods of a new revision say of those of the stable one: spec.strategy's antiAffinity.
    std::optional<json::Object> anti_affinity;
    // What Serin does not act on is an error, never left aside in silence.
    std::vector<Diagnostic> diagnostics;
};

// Types, ranges and unknown fields are judged by the reader before; whatever the object holds,
// this does not fail but says what it does not understand.
Lowered lower(const Object& rollout);

}  // namespace serin::argo
