#include "lint/families.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

namespace serin::lint {

namespace {

struct Wording {
    std::string_view part;
    std::string_view rule;
};

// In order: the first that the message contains says which rule it is.
constexpr Wording wordings[] = {
    {"is not declared in args", "undeclared-argument"},
    {"has no effect on one machine", "no-effect"},
    {"is not served on one machine", "unknown-kind"},
    {"unknown kind", "unknown-kind"},
    {"unknown field", "unknown-field"},
    {"not supported", "not-supported"},
    {"was not resolved", "unresolved-argument"},
    {"failed to resolve", "unresolved-argument"},
    {"runs indefinitely", "runs-forever"},
    {"does not match template", "selector-mismatch"},
    {"has unmatch label", "selector-mismatch"},
    {"has no selector", "selector-mismatch"},
    {"is there already", "duplicate-object"},
    {"only one of", "two-keys"},
    {"a step has exactly one key", "two-keys"},
    {"use either", "two-keys"},
    {"has no key", "missing-key"},
    {"has no port", "missing-key"},
    {"has no listener", "missing-key"},
    {"required field is missing", "missing-field"},
    {"needs exactly one of", "missing-field"},
    {"trafficRouting needs it", "missing-field"},
    {"must not be empty", "missing-field"},
    {"missing", "missing-field"},
};

// Fields of a metric that people write where the metric is used; a cluster drops them without a
// word, so that they seem to work.
constexpr std::string_view fields_of_metrics[] = {
    "failureLimit",
    "inconclusiveLimit",
    "consecutiveErrorLimit",
    "consecutiveSuccessLimit",
    "interval",
    "initialDelay",
    "count",
    "successCondition",
    "failureCondition"};

bool is_metric_field_at_a_use(const std::string& path) {
    const auto dot = path.rfind('.');
    if (dot == path.npos) return false;
    const std::string_view parent = std::string_view(path).substr(0, dot);
    const std::string_view field = std::string_view(path).substr(dot + 1);
    if (!parent.ends_with("analysis") && !parent.ends_with("Analysis")) return false;
    return std::ranges::find(fields_of_metrics, field) != std::end(fields_of_metrics);
}

std::string_view rule_of(const Diagnostic& diagnostic) {
    const std::string& message = diagnostic.message;
    // What cannot be read has no field to name.
    if (diagnostic.path.empty() && diagnostic.severity == Severity::error) return "syntax";
    for (const Wording& one : wordings) {
        if (message.contains(one.part)) return one.rule;
    }
    if (message.starts_with("there is no ")) return "missing-object";
    return diagnostic.severity == Severity::error ? "invalid" : "accepted-oddity";
}

}  // namespace

void classify(const Diagnostic& diagnostic, Reporter& reporter) {
    const std::string_view rule = rule_of(diagnostic);
    if (rule != "unknown-field" || !is_metric_field_at_a_use(diagnostic.path)) {
        return reporter.add(rule, diagnostic);
    }
    Diagnostic pruned = diagnostic;
    pruned.message = "is no field here: a cluster drops it in silence, and it changes nothing";
    pruned.suggestion = "write it in the metrics of the AnalysisTemplate";
    reporter.add("pruned-field", std::move(pruned));
}

}  // namespace serin::lint
