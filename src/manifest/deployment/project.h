#pragma once

#include "base/json.h"
#include "manifest/deployment/lower.h"
#include "model/observation.h"
#include "model/release.h"
#include "ports/object.h"

// A release as a Deployment's status, as Kubernetes writes it and kubectl reads it, and back.

namespace serin::deployment {

// The whole status. `deployment` holds the former one: conditions that stay keep their times.
json::Object project(
    const Object& deployment,
    const Lowered& lowered,
    const ReleaseState& state,
    const Observation& seen);

// Where a release stands, from the status: the reverse of `project`. Whatever cannot be read
// counts as absent.
ReleaseState read_status(const Object& deployment);

}  // namespace serin::deployment
