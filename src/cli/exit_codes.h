#pragma once

#include "base/result.h"

namespace serin::cli {

// What the exit code of `serin` says, for scripts and CI. Documented in docs/reference/cli.md.
enum ExitCode : int {
    exit_ok = 0,          // Done; for `status`: Healthy.
    exit_error = 1,       // Wrong use, refused input, or no answer from the server.
    exit_degraded = 2,    // The rollout is Degraded: aborted, or past its deadline.
    exit_paused = 3,      // The rollout waits for a person.
    exit_unfinished = 4,  // Still progressing when the time was up.
    exit_not_found = 5,   // The object named does not exist.
    exit_denied = 6,      // Not allowed.
    exit_limits = 7,      // `rehearse --ci`: a stated limit is exceeded.
};

// `serin lint` has codes of its own, because its findings are its result and no failure.
enum LintExitCode : int {
    exit_lint_warnings = 1,  // With --strict.
    exit_lint_errors = 2,
};

// Prints "Error: <message>" to standard error and returns the code that goes with its kind.
int report(const Error& error);

}  // namespace serin::cli
