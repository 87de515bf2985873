#pragma once

#include <string_view>

// Labels and annotations that Argo Rollouts' clients know, as they are spelt.

namespace serin::argo {

inline constexpr std::string_view label_hash = "rollouts-pod-template-hash";
inline constexpr std::string_view label_run_kind = "rollout-type";
inline constexpr std::string_view label_step_index = "step-index";
inline constexpr std::string_view run_kind_step = "Step";
inline constexpr std::string_view run_kind_background = "Background";
inline constexpr std::string_view run_kind_before_flip = "PrePromotion";
inline constexpr std::string_view run_kind_after_flip = "PostPromotion";

inline constexpr std::string_view annotation_revision = "rollout.argoproj.io/revision";
inline constexpr std::string_view annotation_revision_history =
    "rollout.argoproj.io/revision-history";
inline constexpr std::string_view annotation_desired_replicas =
    "rollout.argoproj.io/desired-replicas";
// Generation of the workload that the template comes from.
inline constexpr std::string_view annotation_workload_generation =
    "rollout.argoproj.io/workload-generation";
inline constexpr std::string_view annotation_pod_metadata =
    "rollout.argoproj.io/ephemeral-metadata";
// Digest of the template that a ReplicaSet was made from (template_digest).
inline constexpr std::string_view annotation_template = "serin.dev/template";
inline constexpr std::string_view annotation_retire_at = "scale-down-deadline";
inline constexpr std::string_view annotation_managed_by =
    "argo-rollouts.argoproj.io/managed-by-rollouts";

inline constexpr std::string_view gateway_api_plugin = "argoproj-labs/gatewayAPI";

}  // namespace serin::argo
