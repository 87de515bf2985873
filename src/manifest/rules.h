#pragma once

#include "manifest/findings.h"
#include "manifest/part.h"

#include <set>
#include <string>

// What the tables cannot say: rules between fields of one object, a file for each family of kinds.
// Where Argo or Kubernetes have a wording for a rule, it is theirs. Every function copes with
// fields of wrong types, which the tables report.

namespace serin::manifest {

void check_rollout(const Part& rollout, Findings& findings);
// Of AnalysisTemplates and AnalysisRuns.
void check_analysis(const Part& spec, Findings& findings);
// Of a metric's provider, where that is a service of others.
void check_remote_provider(const Part& provider, Findings& findings);
void check_experiment(const Part& spec, Findings& findings);
// `spec` has a selector and a template.
void check_selector(const Part& spec, Findings& findings);
void check_pod_spec(const Part& spec, Findings& findings);
void check_job(const Part& spec, Findings& findings);
// What Kubernetes refuses in a Deployment beyond its selector and its pods.
void check_deployment(const Part& spec, Findings& findings);
void check_service(const Part& spec, Findings& findings);
void check_gateway(const Part& spec, Findings& findings);
void check_http_route(const Part& spec, Findings& findings);
// What the annotations of an HTTPRoute ask for; see ports/retry_on_stable.h.
void check_retry_on_stable(const Part& route, Findings& findings);

// The names x of all {{args.x}} in the texts of `value`. Other tags are added as they are written,
// with their braces.
void collect_arguments(const json::Value& value, std::set<std::string>& names);

// A pause's length in seconds: a number, quoted or not, or a Go duration. Empty for anything else.
std::optional<std::int64_t> pause_seconds(const json::Value& duration);

}  // namespace serin::manifest
