#pragma once

#include "base/json.h"
#include "base/result.h"
#include "ports/object.h"

#include <functional>
#include <string>
#include <string_view>

// What an AnalysisRun is to measure: the templates a Rollout names, composed, with their arguments
// settled. The `{{args.x}}` inside the metrics stay: they are filled in at each measurement.

namespace serin::argo {

struct TemplateName {
    std::string name;
    bool is_cluster_scoped = false;  // Names a ClusterAnalysisTemplate.
};

// `not_found` when there is no such template; other kinds of failure are passed on as they are.
using FindTemplate = std::function<Result<Object>(const TemplateName&)>;

// Pod-template hashes, for arguments with podTemplateHashValue.
struct RevisionHashes {
    std::string stable;
    std::string latest;
};

// The spec of the AnalysisRun ({metrics, args, dryRun, measurementRetention}) for `analysis`, which
// is a RolloutAnalysis: a step's `analysis`, `strategy.canary.analysis` or one of blueGreen's.
// Equal inputs give equal specs. Fails with `not_found` for a missing template and with `invalid`
// for what cannot be composed or resolved, in Argo's words ("args.x was not resolved").
Result<json::Object> analysis_run_spec(
    const json::Object& analysis,
    const Object& rollout,
    const RevisionHashes& hashes,
    const FindTemplate& find);

// The same with arguments that are settled already: [{name, value or valueFrom}].
Result<json::Object> analysis_run_spec(
    const json::Object& analysis, const json::Array& arguments, const FindTemplate& find);

// The arguments alone: [{name, value}], each with its value from the Rollout or the hashes.
Result<json::Array> resolve_arguments(
    const json::Array& arguments, const Object& rollout, const RevisionHashes& hashes);

// The value at `path` of a Rollout as text: "metadata.labels['app']",
// "spec.strategy.canary.steps[0]". Labels and annotations that are not there are empty texts.
Result<std::string> field_text(const Object& rollout, std::string_view path);

}  // namespace serin::argo
