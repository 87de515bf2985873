#pragma once

#include "ports/object.h"

#include <string>

namespace serin::server {

// A pod in three words, as kubectl users know them.
struct PodSummary {
    std::string ready;     // "1/2"
    std::string status;    // "Running", "CrashLoopBackOff", "Terminating".
    std::string restarts;  // "3 (5m ago)"
};

PodSummary summarize_pod(const Object& pod, Instant now);

}  // namespace serin::server
