#pragma once

#include "cli/api.h"
#include "cli/output.h"

#include <string>
#include <vector>

namespace serin::cli {

struct AdoptOptions {
    std::vector<std::string> names;  // Of Rollouts; empty: all of the namespace.
    bool all_namespaces = false;
    bool is_plan = false;    // Only say what would change.
    bool is_forced = false;  // Go on although something would.
    Format format = Format::text;
};

enum AdoptExitCode : int {
    exit_adopt_clean = 0,
    exit_adopt_moves = 1,  // Something would change, or a step is left for a person to do.
    exit_adopt_error = 2,
};

// With `is_plan`: what Serin's controller would change about Rollouts that Argo's controller left.
// Else: whether each step of taking over is done, and what to do for the first that is not.
// Writes nothing.
int run_adopt(Api& api, const AdoptOptions& options);

// Whether Argo's controller would go on with the Rollouts as they stand; then takes away what only
// Serin remembers in their status. With `is_plan` it writes nothing.
int run_eject(Api& api, const AdoptOptions& options);

}  // namespace serin::cli
