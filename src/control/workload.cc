#include "control/workload.h"

#include "manifest/argo/names.h"
#include "manifest/argo/workload.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace serin::control {

namespace {

Result<Object> with_replicas(ObjectStore& store, Object rollout) {
    const json::Value* replicas = rollout.find("/spec/replicas");
    if ((replicas && !replicas->is_null()) || !rollout.find("/spec")) return rollout;
    return store.patch(
        rollout.key(), PatchKind::merge, json::Object{{"spec", json::Object{{"replicas", 1}}}});
}

Result<Object> with_generation(ObjectStore& store, Object rollout, const Object& workload) {
    const std::string generation = std::to_string(workload.generation());
    if (rollout.annotation(argo::annotation_workload_generation) == generation) return rollout;
    return store.patch(
        rollout.key(),
        PatchKind::merge,
        json::Object{
            {"metadata",
             json::Object{
                 {"annotations",
                  json::Object{
                      {argo::annotation_workload_generation, json::string(generation)}}}}}});
}

}  // namespace

Result<ResolvedRollout> resolve_workload(ObjectStore& store, Object rollout) {
    ResolvedRollout resolved;
    SERIN_TRY(resolved.rollout, with_replicas(store, std::move(rollout)));
    if (!resolved.rollout.find("/spec/workloadRef")) return resolved;
    const auto key = argo::workload_of(resolved.rollout);
    if (!key) {
        resolved.problem = fmt::format(
            "spec.workloadRef.kind: '{}' has no template to take: name a Deployment, a ReplicaSet "
            "or a PodTemplate",
            resolved.rollout.text("/spec/workloadRef/kind"));
        return resolved;
    }
    const auto workload = store.get(*key);
    if (!workload) {
        if (workload.error().kind != ErrorKind::not_found) {
            return std::unexpected(workload.error());
        }
        resolved.problem = fmt::format(
            "spec.workloadRef.name: {}.{} \"{}\" not found",
            key->type->plural,
            key->type->group,
            key->name);
        return resolved;
    }
    SERIN_TRY(resolved.rollout, with_generation(store, std::move(resolved.rollout), *workload));
    // Whoever controls a ReplicaSet sizes it too.
    if (workload->find("/spec/template") && workload->controller_uid().empty()) {
        resolved.source_replicas = static_cast<int>(
            std::clamp<std::int64_t>(workload->integer("/spec/replicas", 1), 0, 1'000'000));
    }
    resolved.rollout = argo::with_template_of(std::move(resolved.rollout), *workload);
    return resolved;
}

}  // namespace serin::control
