#pragma once

#include "control/analysis_arguments.h"
#include "judge/conditions.h"
#include "judge/run.h"
#include "ports/object.h"

#include <string>
#include <vector>

namespace serin::control {

// A metric's provider: "prometheus", or for plugins their own name, "serin/requests".
struct ProviderSpec {
    std::string name;
    json::Object config;
    bool is_plugin = false;
};

struct AnalysisMetric {
    judge::Conditions conditions;
    ProviderSpec provider;
};

// The spec of an AnalysisRun. `rule.metrics` and `metrics` are in the same order.
struct AnalysisSpec {
    judge::RunRule rule;
    std::vector<AnalysisMetric> metrics;

    // Fails with Argo's words: "Unable to resolve metric arguments: ...", "Analysis spec invalid:
    // ...".
    static Result<AnalysisSpec> read(const Object& run, const AnalysisArguments& arguments);

    // Null when there is no such metric.
    const AnalysisMetric* find(std::string_view metric) const;
};

// Apart from the rest, because a completed run has it however its metrics read.
judge::TimeToLive read_time_to_live(const Object& run);

}  // namespace serin::control
