#pragma once

#include "base/result.h"
#include "cli/commands.h"

#include <cstdio>
#include <string>

namespace serin::cli {

struct AbReplay {
    std::string text;  // What to print.
    int exit_code = 0;
};

// Replays the visits of an experiment, one JSON object a line, until it has a winner or the visits
// end. Fails with `invalid` on the first bad line, naming it.
Result<AbReplay> replay_ab(std::FILE* visits, const AbOptions& options);

}  // namespace serin::cli
