#pragma once

#include "sim/world.h"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace serin::sim {

struct SoakOptions {
    std::uint64_t seed = 1;  // Of the first run; each further run has the next.
    std::int64_t runs = 1'000'000;
    int jobs = 1;               // Threads; what is printed does not depend on them.
    std::int64_t batch = 1000;  // Runs between two lines of progress.
    int failures_max = 10;      // So many failing seeds are told in full, and end the soak.
};

struct SoakResult {
    std::int64_t runs = 0;
    std::int64_t releases = 0;
    std::vector<std::uint64_t> failed;
    std::map<std::string, std::int64_t, std::less<>> reached;  // See Outcome.

    bool is_sound() const { return failed.empty(); }
};

// Plays random scenarios as `run_sim` does, but goes on when one fails: it prints progress, every
// failing seed with its smallest scenario, what was reached how often, and a line of summary.
SoakResult soak(
    const SoakOptions& options,
    const std::function<void(const std::string&)>& print,
    const WorldSettings& settings = {});

}  // namespace serin::sim
