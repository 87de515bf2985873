#include "control/release_observe.h"

#include "base/log.h"
#include "control/release_trials.h"
#include "manifest/argo/defaults.h"
#include "manifest/argo/hash.h"
#include "manifest/argo/names.h"
#include "manifest/argo/pod_metadata.h"
#include "manifest/argo/project_words.h"
#include "manifest/argo/read_status.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <set>
#include <tuple>
#include <utility>

namespace serin::control {

namespace {

int number_of(std::optional<std::string_view> text) {
    int number = 0;
    if (text) std::from_chars(text->data(), text->data() + text->size(), number);
    return number;
}

int count_at(const Object& object, std::string_view pointer) {
    return static_cast<int>(std::clamp<std::int64_t>(object.integer(pointer), 0, 1'000'000));
}

Result<std::vector<Object>> owned_by(
    const ObjectStore& store, const ResourceType& type, const Object& owner) {
    SERIN_TRY(
        ObjectList list,
        store.list(
            {.type = &type, .ns = std::string(owner.ns()), .owner_uid = std::string(owner.uid())}));
    return std::move(list.items);
}

RevisionSeen see_revision(const Object& group, const ReleaseDialect& dialect) {
    RevisionSeen revision{
        .id = std::string(group.label(dialect.label_hash).value_or("")),
        .group = std::string(group.name()),
        .number = number_of(group.annotation(dialect.annotation_revision)),
        .created = group.created().value_or(Instant{}),
        .desired = static_cast<int>(
            std::clamp<std::int64_t>(group.integer("/spec/replicas", 1), 0, 1'000'000)),
        .current = count_at(group, "/status/replicas"),
        .ready = count_at(group, "/status/readyReplicas"),
        .available = count_at(group, "/status/availableReplicas"),
        .is_settled = group.integer("/status/observedGeneration") >= group.generation(),
        .ready_for = std::chrono::seconds(group.integer("/spec/minReadySeconds")),
    };
    // The status lags behind the spec: what has been asked to go does not serve any more.
    revision.available = std::min(revision.available, revision.desired);
    if (const auto sized = group.annotation(dialect.annotation_sized_for)) {
        revision.sized_for = number_of(sized);
    }
    if (const auto at = group.annotation(argo::annotation_retire_at)) {
        if (const auto time = parse_time(*at)) revision.retire_at = *time;
    }
    return revision;
}

// The group that has the template, or, where a cluster has filled in what it does not say, was made
// from it.
const Object* group_with(const ReleaseWorld& world, const json::Value& pod_template) {
    const auto has_id = [&](const Object& group) {
        return !group.label(world.dialect->label_hash).value_or("").empty();
    };
    for (const Object& group : world.groups) {
        if (has_id(group) && argo::has_plain_template(group, pod_template)) return &group;
    }
    std::string digest;  // Made only where it is asked for: templates are large.
    for (const Object& group : world.groups) {
        const auto made_from = group.annotation(argo::annotation_template);
        if (!made_from || !has_id(group)) continue;
        if (digest.empty()) digest = argo::template_digest(pod_template);
        if (made_from == digest) return &group;
    }
    // Made by another controller. The one that the status names is nearly always it.
    const std::string_view named = world.rollout.text("/status/currentPodHash");
    for (const bool is_named : {true, false}) {
        for (const Object& group : world.groups) {
            const bool is_this = group.label(world.dialect->label_hash) == named;
            if (!has_id(group) || is_this != is_named) continue;
            if (argo::is_same_when_stored(argo::plain_template(group), pod_template)) return &group;
        }
    }
    return nullptr;
}

// What was added to the template of a ReplicaSet as it was stored (by a webhook, or by defaults
// nobody here knows) may hide whose it is. Then its controller's word counts: that this is the
// revision of the manifest as it still is. Ours say themselves what they were made from.
const Object* group_by_status(const ReleaseWorld& world) {
    const std::string_view named = world.rollout.text("/status/currentPodHash");
    if (world.dialect != &rollout_dialect() || named.empty()) return nullptr;
    if (!argo::is_of_this_generation(world.rollout)) return nullptr;
    const Object* group = world.group_of(std::string(named));
    return group && !group->annotation(argo::annotation_template) ? group : nullptr;
}

// The revision that has the Rollout's template already, or a new id for it. An id that another
// template of ours or somebody else's group has is passed over.
Result<> see_wanted(const ObjectStore& store, ReleaseWorld& world) {
    const json::Value* wanted = world.rollout.find("/spec/template");
    const json::Value nothing;
    const json::Value& pod_template = wanted ? *wanted : nothing;
    if (const Object* group = group_with(world, pod_template)) {
        world.seen.wanted = group->label(world.dialect->label_hash).value_or("");
        return {};
    }
    if (const Object* group = group_by_status(world)) {
        world.seen.wanted = group->label(world.dialect->label_hash).value_or("");
        world.is_wanted_by_status = true;
        return {};
    }
    std::set<std::string> taken;
    for (const Object& group : world.groups) {
        taken.insert(std::string(group.label(world.dialect->label_hash).value_or("")));
    }
    for (int attempt = 0;; ++attempt) {
        std::string id = argo::template_id(pod_template, attempt);
        const std::string name = std::string(world.rollout.name()) + "-" + id;
        bool is_free = !taken.contains(id);
        if (is_free) {
            const auto other =
                store.get({&types::replica_set(), std::string(world.rollout.ns()), name});
            if (!other && other.error().kind != ErrorKind::not_found) {
                return std::unexpected(other.error());
            }
            is_free = !other || other->controller_uid() == world.rollout.uid();
        }
        if (is_free) {
            world.seen.wanted = std::move(id);
            world.seen.collisions = attempt;
            return {};
        }
    }
}

RunSeen see_run(const Object& run) {
    RunSeen seen{
        .name = std::string(run.name()),
        .kind = argo::run_kind_of(run.label(argo::label_run_kind).value_or("")),
        .revision = std::string(run.label(argo::label_hash).value_or("")),
        .phase = argo::run_phase_of(run.text("/status/phase")),
        .message = std::string(run.text("/status/message")),
        .is_stopping = run.boolean("/spec/terminate"),
        .created = run.created().value_or(Instant{}),
    };
    if (const auto step = run.label(argo::label_step_index)) seen.step = number_of(step);
    return seen;
}

// What the gateway says of a Service: which revisions its requests go to. Nothing: no data plane
// tells, so what it selects is believed.
void see_in_force(const Object& service, ServiceSeen& seen) {
    const json::Array* conditions = json::array(service.find("/status/conditions"));
    if (!conditions) return;
    for (const json::Value& condition : *conditions) {
        if (json::text(json::find(condition, "/type")) != "serin.dev/InForce") continue;
        const auto message = json::text(json::find(condition, "/message")).value_or("");
        const auto revisions = json::parse(message);
        seen.in_force.emplace();
        if (const json::Array* list = revisions ? json::array(&*revisions) : nullptr) {
            for (const json::Value& revision : *list) {
                seen.in_force->emplace_back(json::text(&revision).value_or(""));
            }
        }
        const auto observed = json::integer(json::find(condition, "/observedGeneration"));
        seen.is_settled = json::text(json::find(condition, "/status")) == "True" &&
                          observed == service.generation();
    }
}

Result<> see_service(
    const ObjectStore& store,
    const ReleaseWorld& world,
    const std::string& field,
    const std::string& name,
    ServiceSeen& seen,
    std::vector<std::string>& problems) {
    if (name.empty()) return {};
    const bool is_flip = world.lowered.plan.flip.has_value();
    const std::string where =
        std::string("spec.strategy.") + (is_flip ? "blueGreen." : "canary.") + field + ": ";
    const auto service = store.get({&types::service(), std::string(world.rollout.ns()), name});
    if (!service) {
        if (service.error().kind != ErrorKind::not_found) {
            return std::unexpected(service.error());
        }
        problems.push_back(where + "service \"" + name + "\" not found");
        return {};
    }
    auto manager = service->annotation(argo::annotation_managed_by);
    if (manager && *manager != world.rollout.name()) {
        const auto other =
            store.get({&types::rollout(), std::string(world.rollout.ns()), std::string(*manager)});
        // One that is gone left its mark behind.
        if (!other && other.error().kind == ErrorKind::not_found) manager.reset();
    }
    if (manager && *manager != world.rollout.name()) {
        problems.push_back(
            where + "service \"" + name + "\" belongs to rollout \"" + std::string(*manager) +
            "\"");
    }
    seen.is_adopted = manager.has_value();
    see_in_force(*service, seen);
    seen.revision = service->text("/spec/selector/" + json::escape_pointer(argo::label_hash));
    return {};
}

void see_split(const TrafficRouter& router, const RouteTarget& target, Observation& seen) {
    auto split = router.observe(target);
    if (split) {
        // A router that cannot look into its data plane is believed.
        if (!router.limits().can_verify) {
            split->in_force = split->written;
            split->is_settled = true;
        }
        seen.split = *split;
        return;
    }
    const Error& error = split.error();
    if (error.kind == ErrorKind::not_found || error.kind == ErrorKind::invalid ||
        error.kind == ErrorKind::denied) {
        seen.problems.push_back("spec.strategy.canary.trafficRouting: " + error.message);
    }
    log::warning(
        "split_unknown", {{"service", target.candidate_service}, {"error", error.message}});
}

// Where the router leads to revisions itself: both it and the Services have to lead there, or
// nobody knows where requests go.
Result<> see_sides(const TrafficRouter& router, const RouteTarget& target, Observation& seen) {
    const auto sides = router.sides(target);
    if (!sides && sides.error().kind == ErrorKind::unavailable) {
        return std::unexpected(sides.error());
    }
    if (!sides) {
        seen.problems.push_back("spec.strategy.canary.trafficRouting: " + sides.error().message);
        return {};
    }
    const auto add = [](ServiceSeen& service, const std::string& name, const std::string& side) {
        const bool is_same = name.empty() || service.revision == side;
        service.revision = is_same ? side : std::string();
    };
    add(seen.stable_service, target.stable_service, sides->stable);
    add(seen.candidate_service, target.candidate_service, sides->candidate);
    return {};
}

bool is_ready_pod(const Object& pod) {
    const json::Array* conditions = json::array(pod.find("/status/conditions"));
    return !pod.is_being_deleted() && conditions != nullptr &&
           std::ranges::any_of(*conditions, [](const json::Value& condition) {
               return json::text(json::find(condition, "/type")) == "Ready" &&
                      json::text(json::find(condition, "/status")) == "True";
           });
}

// Replicas older than the restart that was asked for: stable ones first, then the candidate's.
Result<> see_stale_replicas(
    const ObjectStore& store, const ReleaseState& state, ReleaseWorld& world) {
    const auto& restart = world.lowered.plan.restart_at;
    if (!restart || state.restarted_at == restart || world.seen.at < *restart) return {};
    using Rank = std::tuple<int, int, std::string>;
    std::vector<std::pair<Rank, StaleReplica>> found;
    for (const Object& group : world.groups) {
        const std::string id(group.label(argo::label_hash).value_or(""));
        SERIN_TRY(const auto pods, owned_by(store, types::pod(), group));
        // The group's count lags behind: without its own look at the pods, a second turn would
        // replace another one before the first has a successor.
        const auto well = static_cast<int>(std::ranges::count_if(pods, is_ready_pod));
        for (RevisionSeen& revision : world.seen.revisions) {
            if (revision.id == id) revision.available = std::min(revision.available, well);
        }
        for (const Object& pod : pods) {
            const auto created = pod.created();
            if (pod.is_being_deleted() || !created || *created >= *restart) continue;
            const int rank = id == state.stable ? 0 : id == state.candidate ? 1 : 2;
            const Rank order{
                rank,
                -number_of(group.annotation(argo::annotation_revision)),
                std::string(pod.name())};
            found.emplace_back(order, StaleReplica{std::string(pod.name()), id});
        }
    }
    std::ranges::sort(found, {}, [](const auto& one) { return one.first; });
    for (auto& [order, replica] : found) world.seen.stale_replicas.push_back(std::move(replica));
    return {};
}

}  // namespace

const Object* ReleaseWorld::group_of(const std::string& revision) const {
    for (const Object& group : groups) {
        if (group.label(dialect->label_hash) == revision) return &group;
    }
    return nullptr;
}

const Object* ReleaseWorld::run(const std::string& name) const {
    for (const Object& one : runs) {
        if (one.name() == name) return &one;
    }
    return nullptr;
}

Result<> observe_revisions(const ObjectStore& store, ReleaseWorld& world, Instant now) {
    SERIN_TRY(world.groups, owned_by(store, types::replica_set(), world.rollout));
    std::erase_if(world.groups, [](const Object& group) { return group.is_being_deleted(); });
    Observation& seen = world.seen;
    seen.at = now;
    seen.replicas = world.lowered.replicas;
    for (const Object& group : world.groups) {
        RevisionSeen revision = see_revision(group, *world.dialect);
        if (world.lowered.plan.recreates) {
            SERIN_TRY(const auto pods, owned_by(store, types::pod(), group));
            revision.current = std::max(revision.current, static_cast<int>(pods.size()));
        }
        seen.revisions.push_back(std::move(revision));
    }
    return see_wanted(store, world);
}

Result<ReleaseWorld> observe_release(
    const ObjectStore& store,
    const TrafficRouter& router,
    Object rollout,
    argo::Lowered lowered,
    Instant now) {
    ReleaseWorld world{.rollout = std::move(rollout), .lowered = std::move(lowered)};
    SERIN_TRY_DO(observe_revisions(store, world, now));
    SERIN_TRY(world.runs, owned_by(store, types::analysis_run(), world.rollout));

    Observation& seen = world.seen;
    for (const Object& run : world.runs) seen.runs.push_back(see_run(run));
    SERIN_TRY(world.trials, owned_by(store, types::experiment(), world.rollout));
    for (const Object& trial : world.trials) seen.runs.push_back(see_trial(trial));
    SERIN_TRY_DO(see_service(
        store,
        world,
        world.lowered.plan.flip ? "activeService" : "stableService",
        world.lowered.stable_service,
        seen.stable_service,
        seen.problems));
    SERIN_TRY_DO(see_service(
        store,
        world,
        world.lowered.plan.flip ? "previewService" : "canaryService",
        world.lowered.candidate_service,
        seen.candidate_service,
        seen.problems));
    if (world.lowered.route) see_split(router, *world.lowered.route, seen);
    if (world.lowered.route && world.lowered.route->has_sides) {
        SERIN_TRY_DO(see_sides(router, *world.lowered.route, seen));
    }
    if (world.lowered.plan.restart_at) {
        const ReleaseState state = argo::read_status(world.rollout);
        SERIN_TRY_DO(see_stale_replicas(store, state, world));
    }
    return world;
}

}  // namespace serin::control
