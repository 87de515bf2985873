#pragma once

#include "ports/object.h"

#include <string>
#include <vector>

// A Rollout and what belongs to it, as people read it. Pure: objects in, text out, laid out as the
// Argo Rollouts plugin does, so that eyes and scripts that know it find their way.

namespace serin::cli {

struct RolloutFamily {
    Object rollout;
    std::vector<Object> replica_sets;
    std::vector<Object> pods;
    std::vector<Object> analysis_runs;
    std::vector<Object> jobs;  // Of all analysis runs.
    std::vector<Object> experiments;
    std::vector<Object> experiment_sets;  // ReplicaSets and AnalysisRuns of Experiments.
    std::vector<Object> experiment_runs;
};

struct PhaseView {
    std::string phase;  // Healthy, Progressing, Paused, Degraded.
    std::string message;
};

bool is_blue_green(const Object& rollout);

// The phase a client shows: the controller's, unless it has not seen the latest change yet.
PhaseView phase_of(const Object& rollout);

// "✔" and its like for a status in words. A running pod is well, any other running thing is busy.
std::string_view icon_of(std::string_view kind, std::string_view status);

// "Running", "Terminating", "CrashLoopBackOff", ... as kubectl has it.
std::string pod_status(const Object& pod);

// The header and the tree of revisions, replica sets, pods and analysis runs.
std::string render_rollout(const RolloutFamily& family, Instant now);

// "3/8", or "" without steps; the weight the current step asks for; the weight that is in force.
std::string step_text(const Object& rollout);
std::int64_t set_weight(const Object& rollout);
std::int64_t actual_weight(const Object& rollout);

}  // namespace serin::cli
