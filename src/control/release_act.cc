#include "control/release_act.h"

#include "base/log.h"
#include "control/release_runs.h"
#include "control/release_trials.h"
#include "evidence/record.h"
#include "manifest/argo/hash.h"
#include "manifest/argo/names.h"
#include "manifest/argo/pod_metadata.h"
#include "manifest/argo/project_events.h"
#include "manifest/argo/workload.h"

#include <chrono>
#include <string_view>
#include <utility>
#include <variant>

namespace serin::control {

namespace {

bool is_own_annotation(std::string_view name, const ReleaseDialect& dialect) {
    return name == dialect.annotation_revision || name == dialect.annotation_revision_history ||
           name == dialect.annotation_sized_for ||
           name == "kubectl.kubernetes.io/last-applied-configuration" ||
           name.starts_with("notified.notifications.argoproj.io");
}

// A ReplicaSet of the Rollout's template, without replicas at first.
Object make_group(const ReleaseWorld& world, const CreateRevision& action) {
    const Object& rollout = world.rollout;
    Object group(
        types::replica_set(), rollout.ns(), std::string(rollout.name()) + "-" + action.revision);
    json::Value pod_template = json::Object();
    if (const json::Value* wanted = rollout.find("/spec/template")) pod_template = *wanted;
    const std::string digest = argo::template_digest(pod_template);
    const std::string hash_pointer = json::escape_pointer(world.dialect->label_hash);
    json::Value selector = json::Object();
    if (const json::Value* wanted = rollout.find("/spec/selector")) selector = *wanted;

    group.put("/spec/replicas", 0);
    group.put(
        "/spec/minReadySeconds",
        std::chrono::duration_cast<std::chrono::seconds>(world.lowered.plan.ready_for).count());
    group.put("/spec/selector", std::move(selector));
    group.put("/spec/selector/matchLabels/" + hash_pointer, json::string(action.revision));
    const std::string_view stable = rollout.text("/status/stableRS");
    if (world.lowered.anti_affinity && !stable.empty() && stable != action.revision) {
        argo::add_anti_affinity(*world.lowered.anti_affinity, stable, pod_template);
    }
    group.put("/spec/template", std::move(pod_template));
    group.put("/spec/template/metadata/labels/" + hash_pointer, json::string(action.revision));
    if (const json::Object* labels = json::object(group.find("/spec/template/metadata/labels"))) {
        group.put("/metadata/labels", json::Object(*labels));
    }
    if (const json::Object* kept = json::object(rollout.find("/metadata/annotations"))) {
        for (const auto& member : *kept) {
            const std::string_view name(member.key().data(), member.key().size());
            const auto text = json::text(&member.value());
            if (text && !is_own_annotation(name, *world.dialect)) group.set_annotation(name, *text);
        }
    }
    group.set_annotation(argo::annotation_template, digest);
    group.set_annotation(world.dialect->annotation_revision, std::to_string(action.number));
    group.set_annotation(
        world.dialect->annotation_sized_for, std::to_string(world.lowered.replicas));
    group.set_controller(rollout);
    return group;
}

json::Value annotation_patch(std::string_view name, json::Value value) {
    return json::Object{
        {"metadata", json::Object{{"annotations", json::Object{{name, std::move(value)}}}}}};
}

}  // namespace

Result<> ReleaseActor::carry_out(const std::vector<Action>& actions) {
    for (const Action& action : actions) {
        const Result<> done = std::visit([&](const auto& it) { return act(it); }, action);
        if (!done) return std::unexpected(Error(done.error()).within(evidence::describe(action)));
    }
    return {};
}

std::string ReleaseActor::group_name(const std::string& revision) const {
    const Object* group = world_.group_of(revision);
    return group ? std::string(group->name()) : std::string(world_.rollout.name()) + "-" + revision;
}

Result<> ReleaseActor::patch(
    const ResourceType& type, const std::string& name, const json::Value& change) {
    SERIN_TRY_DO(
        store_.patch({&type, std::string(world_.rollout.ns()), name}, PatchKind::merge, change));
    return {};
}

Result<> ReleaseActor::remove(const ResourceType& type, const std::string& name) {
    const auto removed = store_.remove({&type, std::string(world_.rollout.ns()), name});
    if (!removed && removed.error().kind != ErrorKind::not_found) {
        return std::unexpected(removed.error());
    }
    return {};
}

Result<> ReleaseActor::show_number(int number) {
    const std::string_view name = world_.dialect->annotation_revision;
    const std::string text = std::to_string(number);
    if (world_.rollout.annotation(name) == text) return {};
    return patch(
        *world_.rollout.type(),
        std::string(world_.rollout.name()),
        annotation_patch(name, json::string(text)));
}

Result<> ReleaseActor::act(const Announce& action) {
    if (!world_.dialect->has_news) return {};
    const argo::EventShown event = argo::project_event(world_.rollout, world_.lowered.plan, action);
    events_.record(world_.rollout, event.type, event.reason, event.message);
    return {};
}

Result<> ReleaseActor::act(const CreateRevision& action) {
    const auto created = store_.create(make_group(world_, action));
    if (!created) {
        if (created.error().kind != ErrorKind::exists) {
            events_.record(
                world_.rollout,
                EventType::warning,
                "ReplicaSetCreateError",
                "Failed to create new replica set \"" + group_name(action.revision) +
                    "\": " + created.error().message);
            return std::unexpected(created.error());
        }
        // A repeated turn finds its own; anybody else's is in the way.
        SERIN_TRY(
            const Object other,
            store_.get(
                {&types::replica_set(),
                 std::string(world_.rollout.ns()),
                 group_name(action.revision)}));
        if (other.controller_uid() != world_.rollout.uid()) {
            return fail(
                ErrorKind::unavailable,
                "replica set \"" + std::string(other.name()) + "\" belongs to somebody else");
        }
    }
    return show_number(action.number);
}

Result<> ReleaseActor::act(const Renumber& action) {
    const Object* group = world_.group_of(action.revision);
    if (!group) return {};
    const ReleaseDialect& dialect = *world_.dialect;
    json::Object annotations{
        {dialect.annotation_revision, json::string(std::to_string(action.number))}};
    if (const auto former = group->annotation(dialect.annotation_revision)) {
        std::string history(group->annotation(dialect.annotation_revision_history).value_or(""));
        history += (history.empty() ? "" : ",") + std::string(*former);
        annotations[dialect.annotation_revision_history] = json::string(history);
    }
    SERIN_TRY_DO(patch(
        types::replica_set(),
        std::string(group->name()),
        json::Object{{"metadata", json::Object{{"annotations", std::move(annotations)}}}}));
    return show_number(action.number);
}

Result<> ReleaseActor::act(const SetSplit& action) {
    const auto applied = router_.apply(*world_.lowered.route, action.split);
    if (!applied) {
        events_.record(
            world_.rollout, EventType::warning, "TrafficRoutingError", applied.error().message);
        return applied;
    }
    std::string message = "Traffic weight updated to " + std::to_string(action.split.candidate);
    if (world_.seen.split) {
        message = "Traffic weight updated from " +
                  std::to_string(world_.seen.split->written.candidate) + " to " +
                  std::to_string(action.split.candidate);
    }
    events_.record(world_.rollout, EventType::normal, "TrafficWeightUpdated", message);
    return {};
}

Result<> ReleaseActor::act(const SetSideRoutes& action) {
    const auto applied = router_.apply_side_routes(*world_.lowered.route, action.routes);
    if (!applied) {
        events_.record(
            world_.rollout, EventType::warning, "TrafficRoutingError", applied.error().message);
    }
    return applied;
}

Result<> ReleaseActor::act(const PointService& action) {
    const bool is_stable = action.service == ServiceRole::stable;
    const std::string& name =
        is_stable ? world_.lowered.stable_service : world_.lowered.candidate_service;
    const std::string& former =
        (is_stable ? world_.seen.stable_service : world_.seen.candidate_service).revision;
    if (world_.lowered.route && world_.lowered.route->has_sides) {
        SERIN_TRY(SidesSeen sides, router_.sides(*world_.lowered.route));
        (is_stable ? sides.stable : sides.candidate) = action.revision;
        SERIN_TRY_DO(router_.point_sides(*world_.lowered.route, sides));
        if (name.empty()) return {};
    }
    SERIN_TRY_DO(patch(
        types::service(),
        name,
        json::Object{
            {"metadata",
             json::Object{
                 {"annotations",
                  json::Object{
                      {argo::annotation_managed_by, json::string(world_.rollout.name())}}}}},
            {"spec",
             json::Object{
                 {"selector", json::Object{{argo::label_hash, json::string(action.revision)}}}}}}));
    events_.record(
        world_.rollout,
        EventType::normal,
        "SwitchService",
        "Switched selector for service '" + name + "' from '" + former + "' to '" +
            action.revision + "'");
    return {};
}

Result<> ReleaseActor::act(const Scale& action) {
    const std::string name = group_name(action.revision);
    const auto ready_for =
        std::chrono::duration_cast<std::chrono::seconds>(world_.lowered.plan.ready_for);
    json::Value change = annotation_patch(
        world_.dialect->annotation_sized_for, json::string(std::to_string(action.sized_for)));
    change.as_object()["spec"] =
        json::Object{{"replicas", action.replicas}, {"minReadySeconds", ready_for.count()}};
    SERIN_TRY_DO(patch(types::replica_set(), name, change));

    for (const RevisionSeen& revision : world_.seen.revisions) {
        if (revision.id != action.revision || revision.desired == action.replicas) continue;
        events_.record(
            world_.rollout,
            EventType::normal,
            "ScalingReplicaSet",
            world_.dialect->scaled(name, revision.number, revision.desired, action.replicas));
    }
    return {};
}

Result<> ReleaseActor::act(const StartRun& action) {
    const bool is_trial = action.kind == RunKind::trial;
    SERIN_TRY(
        const Object run,
        is_trial ? make_trial(store_, world_, action) : make_run(store_, world_, action));
    auto created = store_.create(run);
    if (!created && created.error().kind == ErrorKind::exists) {
        SERIN_TRY(const bool is_there, is_there_already(run));
        if (is_there) return {};  // Names derive from what is judged: a repeated turn's run.
        created = store_.create(run);
    }
    if (!created) return std::unexpected(created.error());
    if (is_trial) {
        events_.record(
            world_.rollout,
            EventType::normal,
            "ExperimentCreated",
            "Created Experiment '" + action.name + "'");
    }
    return {};
}

// A run with the same name measures the same, or it is removed.
Result<bool> ReleaseActor::is_there_already(const Object& wanted) {
    SERIN_TRY(const Object other, store_.get(wanted.key()));
    if (other.controller_uid() != world_.rollout.uid()) {
        return fail(ErrorKind::unavailable, to_string(wanted.key()) + " belongs to somebody else");
    }
    const json::Value* spec = other.find("/spec");
    if (spec && json::same(*spec, *wanted.find("/spec"))) return true;
    SERIN_TRY_DO(store_.remove(other.key(), {.uid = std::string(other.uid())}));
    return false;
}

Result<> ReleaseActor::act(const StopRun& action) {
    const auto stopped = patch(
        action.is_trial ? types::experiment() : types::analysis_run(),
        action.name,
        json::Object{{"spec", json::Object{{"terminate", true}}}});
    if (!stopped && stopped.error().kind != ErrorKind::not_found) return stopped;
    return {};
}

Result<> ReleaseActor::act(const SetRetireAt& action) {
    return patch(
        types::replica_set(),
        group_name(action.revision),
        annotation_patch(
            argo::annotation_retire_at,
            action.at ? json::string(format_time(*action.at)) : json::Value()));
}

Result<> ReleaseActor::act(const ReplaceReplica& action) {
    return remove(types::pod(), action.name);
}

Result<> ReleaseActor::act(const CallHook& action) {
    if (hooks_) hooks_->ask(world_, action);
    return {};
}

Result<> ReleaseActor::act(const ScaleSource& action) {
    const auto source = argo::workload_of(world_.rollout);
    if (!source) return {};
    const json::Value change = json::Object{{"spec", json::Object{{"replicas", action.replicas}}}};
    const auto scaled = store_.patch(*source, PatchKind::merge, change);
    if (!scaled && scaled.error().kind != ErrorKind::not_found) {
        return std::unexpected(scaled.error());
    }
    return {};
}

Result<> ReleaseActor::act(const RemoveRun& action) {
    return remove(action.is_trial ? types::experiment() : types::analysis_run(), action.name);
}

Result<> ReleaseActor::act(const RemoveRevision& action) {
    return remove(types::replica_set(), group_name(action.revision));
}

Result<> remember_template(ObjectStore& store, const ReleaseWorld& world) {
    const Object* group = world.group_of(world.seen.wanted);
    const json::Value* pod_template = world.rollout.find("/spec/template");
    if (!world.is_wanted_by_status || !group || !pod_template) return {};
    SERIN_TRY_DO(store.patch(
        group->key(),
        PatchKind::merge,
        annotation_patch(
            argo::annotation_template, json::string(argo::template_digest(*pod_template)))));
    return {};
}

}  // namespace serin::control
