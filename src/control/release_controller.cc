#include "control/release_controller.h"

#include "base/log.h"
#include "control/pod_metadata.h"
#include "control/release_act.h"
#include "control/release_news.h"
#include "control/release_observe.h"
#include "control/release_record.h"
#include "control/release_runs.h"
#include "control/router_plugins.h"
#include "control/status_write.h"
#include "control/workload.h"
#include "engine/decide.h"
#include "engine/invariants.h"
#include "manifest/argo/names.h"
#include "manifest/argo/plugins.h"
#include "manifest/argo/project.h"
#include "manifest/argo/read_status.h"
#include "manifest/argo/workload.h"

#include <algorithm>
#include <utility>

namespace serin::control {

namespace {

// Where a watch may miss what matters (a router's data plane, a store that fails), look again.
constexpr Duration look_again = std::chrono::seconds(10);

std::string first_error(const std::vector<Diagnostic>& diagnostics) {
    for (const Diagnostic& diagnostic : diagnostics) {
        if (diagnostic.severity == Severity::error) return to_string(diagnostic);
    }
    return {};
}

// Whether what can be read of a manifest with errors suffices to take a candidate back: which
// revisions there are, and how traffic reaches them.
bool can_go_back(const ReleaseState& state, const argo::Lowered& lowered, const Object& rollout) {
    if (state.stable.empty() || state.candidate == state.stable) return false;
    if (lowered.plan.flip) return lowered.plan.has_stable_service;
    if (lowered.route) return lowered.plan.has_stable_service && lowered.plan.has_candidate_service;
    const json::Object* canary = json::object(rollout.find("/spec/strategy/canary"));
    return canary && !canary->contains("trafficRouting");
}

// Sizes stay as they were set last, whatever the manifest with the error says.
void keep_size(ReleaseWorld& world, const std::string& stable) {
    for (const RevisionSeen& revision : world.seen.revisions) {
        if (revision.id != stable) continue;
        // Known for less than it has: a larger size is still coming.
        world.seen.replicas = std::max(revision.sized_for.value_or(0), revision.desired);
        world.lowered.replicas = world.seen.replicas;
    }
}

}  // namespace

ReleaseController::ReleaseController(
    EventLoop& loop,
    ObjectStore& store,
    EvidenceLog& evidence,
    TrafficRouter& router,
    PluginRunner& plugins)
    : loop_(loop),
      store_(store),
      evidence_(evidence),
      router_(router),
      index_(router),
      events_(store, loop, "serin-release"),
      hooks_(store, plugins) {}

std::vector<Trigger> ReleaseController::triggers() const {
    std::vector<Trigger> triggers{
        {&types::rollout(),
         [this](const Object& rollout) {
             index_.see(rollout);
             return std::vector{rollout.key()};
         }},
        on_change_of_owned(types::replica_set(), types::rollout()),
        on_change_of_owned(types::analysis_run(), types::rollout()),
        on_change_of_owned(types::experiment(), types::rollout()),
    };
    triggers.push_back(
        {&types::service(), [this](const Object& it) { return rollouts_of_service(it); }});
    // Routes, and workloads that templates are taken from.
    std::vector<const ResourceType*> named = router_.kinds();
    named.insert(
        named.end(), {&types::deployment(), &types::replica_set(), find_type("", "podtemplates")});
    for (const ResourceType* type : named) {
        triggers.push_back({type, [this](const Object& it) { return index_.naming(it.key()); }});
    }
    for (const ResourceType* type :
         {&types::analysis_template(), &types::cluster_analysis_template()}) {
        triggers.push_back({type, [this](const Object& it) { return rollouts_near(it); }});
    }
    const auto owners = on_change_of_owned(types::config_map(), types::rollout()).keys_of;
    triggers.push_back({&types::config_map(), [this, owners](const Object& it) {
                            if (it.name() == argo::plugin_config_name) {
                                return rollouts_near(Object());
                            }
                            return it.label(exposure_label) ? owners(it) : std::vector<ObjectKey>();
                        }});
    return triggers;
}

Result<CallAgain> ReleaseController::reconcile(const ObjectKey& key) {
    auto rollout = store_.get(key);
    if (!rollout) {
        hooks_.forget(key);
        if (rollout.error().kind == ErrorKind::not_found) {
            index_.forget(key);
            lowered_.forget(key);
            tell_deletion(events_, key);
            return release_services(key);
        }
        return std::unexpected(rollout.error());
    }
    if (rollout->is_being_deleted()) return std::nullopt;
    return turn(*std::move(rollout));
}

// The services of a Rollout that is gone select by their own labels again, so that whatever serves
// next is found.
Result<CallAgain> ReleaseController::release_services(const ObjectKey& rollout) {
    ListQuery query;
    query.type = &types::service();
    query.ns = rollout.ns;
    SERIN_TRY(const ObjectList services, store_.list(query));
    for (const Object& service : services.items) {
        if (service.annotation(argo::annotation_managed_by) != rollout.name) continue;
        const json::Value change = json::Object{
            {"metadata",
             json::Object{{"annotations", json::Object{{argo::annotation_managed_by, nullptr}}}}},
            {"spec", json::Object{{"selector", json::Object{{argo::label_hash, nullptr}}}}}};
        const auto released = store_.patch(service.key(), PatchKind::merge, change);
        if (!released && released.error().kind != ErrorKind::not_found) {
            return std::unexpected(released.error());
        }
    }
    return std::nullopt;
}

Result<CallAgain> ReleaseController::turn(Object rollout) {
    const Instant now = loop_.now();  // The only reading of time in a turn.
    SERIN_TRY(ResolvedRollout resolved, resolve_workload(store_, std::move(rollout)));
    rollout = std::move(resolved.rollout);
    argo::Lowered lowered = lowered_.of(rollout);
    index_.see(rollout, lowered);
    ReleaseState state = argo::read_status(rollout);
    // The steps are still those that the status was written for, whatever hash it gives them.
    if (!state.candidate.empty() && argo::is_of_this_generation(rollout)) {
        state.steps_digest = lowered.plan.steps_digest;
    }
    std::string error = first_error(lowered.diagnostics);
    if (error.empty()) error = resolved.problem;
    if (!error.empty() && !can_go_back(state, lowered, rollout)) {
        json::Object status = argo::project_invalid(rollout, error, now);
        SERIN_TRY_DO(write_status(store_, rollout, std::move(status)));
        return std::nullopt;
    }

    SERIN_TRY(
        ReleaseWorld world,
        observe_release(store_, router_, std::move(rollout), std::move(lowered), now));
    SERIN_TRY_DO(remember_template(store_, world));
    world.seen.source_replicas = resolved.source_replicas;
    world.seen.hook_answers = hooks_.answers(world.rollout.key());
    mark_disabled_hooks(store_, world);
    if (!error.empty()) {
        world.seen.problems.insert(world.seen.problems.begin(), error);
        keep_size(world, state.stable);
    }
    for (std::string& problem : find_hook_problems(store_, world)) {
        world.seen.problems.push_back(std::move(problem));
    }
    if (auto problem = find_router_problem(store_, world)) {
        world.seen.problems.push_back(*std::move(problem));
    }
    for (std::string& problem : find_run_problems(store_, world)) {
        world.seen.problems.push_back(std::move(problem));
    }
    const Release release{
        .name = std::string(world.rollout.name()),
        .plan = world.lowered.plan,
        .state = state,
    };
    const Decision decision = engine::decide(release, world.seen);
    if (const auto broken = engine::broken_invariants(release, world.seen, decision);
        !broken.empty()) {
        const std::string message = "refused a decision that would break " + broken.front();
        events_.record(world.rollout, EventType::warning, "ReconciliationError", message);
        return fail(ErrorKind::internal, message);
    }

    json::Object status = argo::project(world.rollout, world.lowered, decision.next, world.seen);
    SERIN_TRY_DO(append_record(evidence_, world, release.state, decision, status));
    SERIN_TRY_DO(write_status(store_, world.rollout, std::move(status)));
    // Before new pods are made; what the release does is not held up by labels that cannot be set.
    const Result<> labelled = keep_pod_metadata(store_, world, decision.next);
    ReleaseActor actor(store_, router_, events_, &hooks_, world);
    const Result<> acted = actor.carry_out(decision.actions);
    // What is to be done does not wait for an API that takes its time with what is told of it.
    tell_news(events_, world.rollout, release.state, decision.next);
    SERIN_TRY_DO(acted);
    SERIN_TRY_DO(labelled);
    if (world.lowered.route && world.seen.split) {
        SERIN_TRY_DO(router_.keep(*world.lowered.route));
    }

    CallAgain again;
    if (decision.wake_at) again = std::max(Duration(1), *decision.wake_at - now);
    if (world.lowered.route && !world.seen.split)
        again = std::min(again.value_or(look_again), look_again);
    return again;
}

std::vector<ObjectKey> ReleaseController::rollouts_of_service(const Object& service) const {
    std::vector<ObjectKey> keys = index_.naming(service.key());
    // Its Rollout may be gone without this process having seen it go.
    if (const auto manager = service.annotation(argo::annotation_managed_by)) {
        ObjectKey key{&types::rollout(), std::string(service.ns()), std::string(*manager)};
        if (std::ranges::find(keys, key) == keys.end()) keys.push_back(std::move(key));
    }
    return keys;
}

std::vector<ObjectKey> ReleaseController::rollouts_near(const Object& analysis_template) const {
    std::vector<ObjectKey> keys;
    ListQuery query;
    query.type = &types::rollout();
    query.ns = analysis_template.ns();  // Empty for a template of the whole cluster: all.
    const auto list = store_.list(query);
    if (!list) return keys;
    for (const Object& rollout : list->items) keys.push_back(rollout.key());
    return keys;
}

}  // namespace serin::control
