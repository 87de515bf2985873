#pragma once

#include "base/time.h"

#include <cstdint>
#include <string>
#include <vector>

namespace serin::cli {

// The words of `serin rehearse` as they were given.
struct RehearseWords {
    std::vector<std::string> paths;
    std::string rollout;
    std::string ns = "default";
    std::string traffic = "100rps";
    double users = 0;
    std::string stable;
    std::string canary;
    std::vector<std::string> faults;
    std::vector<std::string> metrics;
    std::string promote_after;
    std::string pod_start = "5s";
    std::string scrape = "15s";
    std::string horizon = "24h";
    double pod_cost = 0;
    std::int64_t runs = 1000;
    std::uint64_t seed = 1;
    int jobs = 0;
    std::string output;  // "", text, json, html.

    bool is_ci = false;
    double exposed_failures_max = -1;  // Below zero: no limit.
    std::string abort_probability_min;
    std::string promote_probability_min;
    std::string duration_max;
};

// Rehearses manifests and prints the report. With --ci, exit_limits when it exceeds a limit.
int run_rehearse(const RehearseWords& words);

}  // namespace serin::cli
