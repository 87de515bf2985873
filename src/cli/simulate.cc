#include "base/log.h"
#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "sim/run.h"

#include <fmt/format.h>

#include <string>

namespace serin::cli {

int run_simulation(const sim::SimOptions& options) {
    // What the simulated world's faults make controllers complain about is no news here.
    log::configure(log::Level::error, log::Form::text);
    const bool is_sound =
        sim::run_sim(options, [](const std::string& line) { fmt::print("{}\n", line); });
    return is_sound ? exit_ok : exit_error;
}

}  // namespace serin::cli
