#pragma once

#include <string_view>

// Labels and annotations of Deployments and their ReplicaSets that kubectl reads.

namespace serin::deployment {

inline constexpr std::string_view label_hash = "pod-template-hash";

inline constexpr std::string_view annotation_revision = "deployment.kubernetes.io/revision";
inline constexpr std::string_view annotation_revision_history =
    "deployment.kubernetes.io/revision-history";
inline constexpr std::string_view annotation_desired_replicas =
    "deployment.kubernetes.io/desired-replicas";
inline constexpr std::string_view annotation_change_cause = "kubernetes.io/change-cause";

}  // namespace serin::deployment
