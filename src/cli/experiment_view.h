#pragma once

#include "cli/tree.h"
#include "ports/object.h"

#include <string>
#include <vector>

// An Experiment and what belongs to it, as people read it: laid out as the Argo Rollouts plugin
// does. Pure: objects in, text out.

namespace serin::cli {

// Objects that belong to others are passed over.
struct ExperimentFamily {
    Object experiment;
    std::vector<Object> replica_sets;
    std::vector<Object> pods;
    std::vector<Object> analysis_runs;
    std::vector<Object> jobs;
};

// The experiment with its templates' ReplicaSets, pods, analysis runs and jobs.
TreeNode experiment_node(const ExperimentFamily& family, Instant now);

// The header and the tree.
std::string render_experiment(const ExperimentFamily& family, Instant now);

// "1m", or "" without one; what is left of it; "" before it has begun and after its end.
std::string experiment_duration(const Object& experiment);
std::string experiment_remaining(const Object& experiment, Instant now);

}  // namespace serin::cli
