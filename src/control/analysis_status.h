#pragma once

#include "judge/run.h"
#include "ports/object.h"

namespace serin::control {

// The status of an AnalysisRun, as Argo's clients read it. Instants are kept in whole seconds, as
// everywhere in the API.

judge::RunState read_analysis_status(const Object& run);

// Returns the status with everything it says in the run's, and what it does not know kept.
json::Object write_analysis_status(
    const Object& run, const judge::RunRule& rule, const judge::RunState& state);

}  // namespace serin::control
