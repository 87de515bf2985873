#include "control/deployment_controller.h"

#include "control/release_act.h"
#include "control/release_record.h"
#include "control/status_write.h"
#include "engine/decide.h"
#include "engine/invariants.h"
#include "manifest/deployment/lower.h"
#include "manifest/deployment/names.h"
#include "manifest/deployment/project.h"

#include <algorithm>
#include <utility>

namespace serin::control {

DeploymentController::DeploymentController(
    EventLoop& loop, ObjectStore& store, EvidenceLog& evidence, TrafficRouter& router)
    : loop_(loop),
      store_(store),
      evidence_(evidence),
      router_(router),
      events_(store, loop, "serin-deployment") {}

std::vector<Trigger> DeploymentController::triggers() const {
    std::vector<Trigger> triggers{
        on_change_of(types::deployment()),
        on_change_of_owned(types::replica_set(), types::deployment()),
    };
    // Recreating waits for the last old pod to be gone, which its ReplicaSet no longer counts.
    triggers.push_back(
        {&types::pod(), [this](const Object& pod) -> std::vector<ObjectKey> {
             if (!pod.is_being_deleted()) return {};
             const json::Object* owner = pod.controller();
             if (!owner || json::text(owner->if_contains("kind")) != "ReplicaSet") return {};
             const auto group = store_.get(
                 {&types::replica_set(),
                  std::string(pod.ns()),
                  std::string(json::text(owner->if_contains("name")).value_or(""))});
             const json::Object* deployment = group ? group->controller() : nullptr;
             if (!deployment || json::text(deployment->if_contains("kind")) != "Deployment")
                 return {};
             return {
                 {&types::deployment(),
                  std::string(pod.ns()),
                  std::string(json::text(deployment->if_contains("name")).value_or(""))}};
         }});
    return triggers;
}

Result<CallAgain> DeploymentController::reconcile(const ObjectKey& key) {
    auto deployment = store_.get(key);
    if (!deployment) {
        if (deployment.error().kind == ErrorKind::not_found) return std::nullopt;
        return std::unexpected(deployment.error());
    }
    if (deployment->is_being_deleted()) return std::nullopt;
    return turn(*std::move(deployment));
}

Result<CallAgain> DeploymentController::turn(Object deployment) {
    const Instant now = loop_.now();  // The only reading of time in a turn.
    const deployment::Lowered lowered = deployment::lower(deployment);
    const ReleaseState state = deployment::read_status(deployment);
    ReleaseWorld world{.rollout = std::move(deployment), .dialect = &deployment_dialect()};
    world.lowered.plan = lowered.plan;
    world.lowered.replicas = lowered.replicas;
    SERIN_TRY_DO(observe_revisions(store_, world, now));
    if (lowered.plan.is_held) {
        // A paused Deployment takes up no other template; before its first there is nothing to do.
        if (state.candidate.empty()) {
            ReleaseState paused = state;
            paused.progress = {.kind = Progress::Kind::held, .at = now};
            SERIN_TRY_DO(write_status(
                store_,
                world.rollout,
                deployment::project(world.rollout, lowered, paused, world.seen)));
            return std::nullopt;
        }
        world.seen.wanted = state.candidate;
    }

    const Release release{
        .name = std::string(world.rollout.name()), .plan = lowered.plan, .state = state};
    const Decision decision = engine::decide(release, world.seen);
    if (const auto broken = engine::broken_invariants(release, world.seen, decision);
        !broken.empty()) {
        const std::string message = "refused a decision that would break " + broken.front();
        events_.record(world.rollout, EventType::warning, "ReconciliationError", message);
        return fail(ErrorKind::internal, message);
    }
    json::Object status = deployment::project(world.rollout, lowered, decision.next, world.seen);
    SERIN_TRY_DO(append_record(evidence_, world, release.state, decision, status));
    SERIN_TRY_DO(write_status(store_, world.rollout, std::move(status)));
    ReleaseActor actor(store_, router_, events_, nullptr, world);
    SERIN_TRY_DO(actor.carry_out(decision.actions));
    SERIN_TRY_DO(show_change_cause(world, decision.next.candidate));

    CallAgain again;
    if (decision.wake_at) again = std::max(Duration(1), *decision.wake_at - now);
    return again;
}

// What `kubectl annotate deployment ... kubernetes.io/change-cause=` says about the present
// revision is kept with it, for `kubectl rollout history`.
Result<> DeploymentController::show_change_cause(
    const ReleaseWorld& world, const std::string& revision) {
    const auto cause = world.rollout.annotation(deployment::annotation_change_cause);
    const Object* group = world.group_of(revision);
    if (!cause || !group || group->annotation(deployment::annotation_change_cause) == cause) {
        return {};
    }
    SERIN_TRY_DO(store_.patch(
        group->key(),
        PatchKind::merge,
        json::Object{
            {"metadata",
             json::Object{
                 {"annotations",
                  json::Object{{deployment::annotation_change_cause, json::string(*cause)}}}}}}));
    return {};
}

}  // namespace serin::control
