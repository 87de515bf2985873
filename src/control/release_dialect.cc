#include "control/release_dialect.h"

#include "manifest/argo/names.h"
#include "manifest/deployment/names.h"

#include <fmt/format.h>

namespace serin::control {

namespace {

std::string rollout_scaled(const std::string& group, int number, int from, int to) {
    return fmt::format(
        "Scaled {} ReplicaSet {} (revision {}) from {} to {}",
        from < to ? "up" : "down",
        group,
        number,
        from,
        to);
}

std::string deployment_scaled(const std::string& group, int /*number*/, int from, int to) {
    return fmt::format(
        "Scaled {} replica set {} from {} to {}", from < to ? "up" : "down", group, from, to);
}

constexpr ReleaseDialect of_rollouts{
    .label_hash = argo::label_hash,
    .annotation_revision = argo::annotation_revision,
    .annotation_revision_history = argo::annotation_revision_history,
    .annotation_sized_for = argo::annotation_desired_replicas,
    .has_news = true,
    .scaled = rollout_scaled,
};

constexpr ReleaseDialect of_deployments{
    .label_hash = deployment::label_hash,
    .annotation_revision = deployment::annotation_revision,
    .annotation_revision_history = deployment::annotation_revision_history,
    .annotation_sized_for = deployment::annotation_desired_replicas,
    .has_news = false,
    .scaled = deployment_scaled,
};

}  // namespace

const ReleaseDialect& rollout_dialect() {
    return of_rollouts;
}
const ReleaseDialect& deployment_dialect() {
    return of_deployments;
}

}  // namespace serin::control
