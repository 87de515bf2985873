#pragma once

#include <string>

namespace load {

struct ReportOptions {
    std::string log_file;
    std::string candidate;  // The version under release.
    double from_ms = 0;     // Only requests that ended in [from, to), ms since the epoch.
    double to_ms = 1e18;
};

// Counts a request log as `load run` writes it. One JSON object: requests_total, requests_canary,
// canary_share, canary_failures, requests_lost (without a response, or failed although the
// candidate did not serve them), losses (why, for the first ten), first_bad_to_zero_ms (from the
// candidate's first response, its first failing one where there is any, to its last response; null
// without any), p50_ms and p95_ms of candidate and others.
std::string report(const ReportOptions& options);

}  // namespace load
