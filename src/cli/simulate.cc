#include "base/log.h"
#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "sim/run.h"
#include "sim/soak.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <thread>

namespace serin::cli {

int run_simulation(const sim::SimOptions& options) {
    // What the simulated world's faults make controllers complain about is no news here.
    log::configure(log::Level::error, log::Form::text);
    const bool is_sound =
        sim::run_sim(options, [](const std::string& line) { fmt::print("{}\n", line); });
    return is_sound ? exit_ok : exit_error;
}

int run_soak(sim::SoakOptions options) {
    log::configure(log::Level::error, log::Form::text);
    if (options.jobs <= 0) {
        options.jobs = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    }
    const auto result = sim::soak(options, [](const std::string& line) {
        fmt::print("{}\n", line);
        std::fflush(stdout);  // It takes hours; progress is for now.
    });
    return result.is_sound() ? exit_ok : exit_error;
}

}  // namespace serin::cli
