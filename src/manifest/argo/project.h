#pragma once

#include "base/json.h"
#include "manifest/argo/lower.h"
#include "model/decision.h"
#include "model/observation.h"
#include "model/release.h"
#include "ports/object.h"

#include <string>

// A release as a Rollout's status: the only file on the way out that knows the dialect.

namespace serin::argo {

struct PhaseShown {
    std::string phase;  // "Healthy", "Progressing", "Paused", "Degraded".
    std::string message;
    friend bool operator==(const PhaseShown&, const PhaseShown&) = default;
};

// The whole status. `rollout` holds the former one: conditions that stay keep their times.
json::Object project(
    const Object& rollout,
    const Lowered& lowered,
    const ReleaseState& state,
    const Observation& seen);

// The status of a Rollout whose specification cannot be followed; all else stays as it was.
json::Object project_invalid(const Object& rollout, const std::string& problem, Instant at);

// "Step-based analysis phase error/failed: ...", or empty when a person aborted.
std::string abort_text(const AbortCause& cause, const std::string& group);

}  // namespace serin::argo
