#pragma once

#include "lint/lint.h"
#include "lint/reporter.h"
#include "lint/sources.h"
#include "lint/uses.h"

#include <vector>

// The rules, a function for each family, a file each. What they look at comes together in Context.

namespace serin::lint {

struct Context {
    const Sources& sources;
    const std::vector<Use>& uses;
    const LintOptions& options;
    Reporter& reporter;
};

// What readers and validation said already.
void classify(const Diagnostic& diagnostic, Reporter& reporter);

void check_plans(const Context& context);
void check_rollouts(const Context& context);
void check_arguments(const Context& context);
void check_metrics(const Context& context);
void check_conditions(const Context& context);
void check_judges(const Context& context);
void check_observed(const Context& context);
void check_queries(const Context& context);
void check_alerts(const Context& context);
void check_services(const Context& context);
void check_pods(const Context& context);
void check_configs(const Context& context);
// Needs options.traffic.
void check_gates(const Context& context);

}  // namespace serin::lint
