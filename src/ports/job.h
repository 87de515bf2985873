#pragma once

#include "ports/object.h"

#include <optional>
#include <string>

// The Job of batch/v1: work that a pod does to its end. Who wants something done once writes one;
// the node on one machine, the cluster elsewhere, runs it and says in its conditions how it ended.

namespace serin {

namespace types {
const ResourceType& job();
}  // namespace types

// On a Job's pods, as Kubernetes labels them.
inline constexpr std::string_view label_job_name = "job-name";

struct JobEnd {
    bool is_complete = false;  // Else it failed.
    std::string reason;        // Of a failure: "BackoffLimitExceeded", "DeadlineExceeded".
    std::string message;
    friend bool operator==(const JobEnd&, const JobEnd&) = default;
};

// Empty while the Job is not finished.
std::optional<JobEnd> end_of(const Object& job);

}  // namespace serin
