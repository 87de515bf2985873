#pragma once

#include "base/diagnostic.h"
#include "base/document.h"
#include "lint/finding.h"

#include <cstddef>
#include <optional>
#include <vector>

// Judges manifests before they are applied: what is refused, and beyond that what stalls, cannot
// trip or trips on the healthy. Nothing is asked of the world, so it says the same everywhere.

namespace serin::lint {

struct LintOptions {
    // Requests per second of all versions together. With it the odds of gates are computed.
    std::optional<double> traffic;
    double healthy_failures = 0.005;  // The share of requests that fail although nothing is wrong.
    double bad_failures = 0.05;       // The share that fails in a release that has to be stopped.
};

// `diagnostics` is what readers and reference checks said of the documents already: it becomes
// findings as well. By file, line and column.
std::vector<Finding> lint(
    const std::vector<Document>& documents,
    const std::vector<Diagnostic>& diagnostics,
    const LintOptions& options);

// Those that count: not ignored, at this level.
std::size_t count(const std::vector<Finding>& findings, Level level);

}  // namespace serin::lint
