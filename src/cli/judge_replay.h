#pragma once

#include "base/result.h"
#include "cli/commands.h"

#include <cstdio>
#include <string>

namespace serin::cli {

struct Replay {
    std::string text;  // What to print.
    int exit_code = 0;
};

// Replays outcomes, one JSON object a line, through the sequential judge. `spec` is YAML and
// `options.spec_file` its name. Fails with `invalid` on the first bad line, naming it.
Result<Replay> replay_sequential(
    const std::string& spec, std::FILE* outcomes, const JudgeOptions& options);

}  // namespace serin::cli
