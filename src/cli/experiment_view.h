#pragma once

#include "ports/object.h"

#include <string>
#include <vector>

// An Experiment and what belongs to it, as people read it: laid out as the Argo Rollouts plugin
// does. Pure: objects in, text out.

namespace serin::cli {

struct ExperimentFamily {
    Object experiment;
    std::vector<Object> replica_sets;
    std::vector<Object> pods;
    std::vector<Object> analysis_runs;
    std::vector<Object> jobs;
};

// The header and the tree of templates, pods, analysis runs and jobs.
std::string render_experiment(const ExperimentFamily& family, Instant now);

}  // namespace serin::cli
