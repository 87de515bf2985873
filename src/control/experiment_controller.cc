#include "control/experiment_controller.h"

#include "control/status_write.h"
#include "engine/experiment.h"
#include "manifest/argo/analysis_spec.h"
#include "manifest/argo/experiment.h"
#include "manifest/argo/lower.h"
#include "manifest/argo/names.h"
#include "manifest/argo/project_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>
#include <utility>
#include <variant>

namespace serin::control {

namespace {

constexpr Duration denial_lasts = std::chrono::seconds(30);

int count_at(const Object& object, std::string_view pointer, std::int64_t otherwise = 0) {
    return static_cast<int>(
        std::clamp<std::int64_t>(object.integer(pointer, otherwise), 0, 1'000'000));
}

ArmSeen see_group(const std::string& arm, const Object& group) {
    ArmSeen seen{
        .name = arm,
        .revision = std::string(group.label(argo::label_hash).value_or("")),
        .desired = count_at(group, "/spec/replicas", 1),
        .counts =
            {.current = count_at(group, "/status/replicas"),
             .updated = count_at(group, "/status/replicas"),
             .ready = count_at(group, "/status/readyReplicas"),
             .available = count_at(group, "/status/availableReplicas")},
        .is_settled = group.integer("/status/observedGeneration") >= group.generation()};
    if (const auto at = group.annotation(argo::annotation_retire_at)) {
        if (const auto time = parse_time(*at)) seen.retire_at = *time;
    }
    return seen;
}

// Whether requests reach the service, or may: what is written and what is in force both count, and
// while they are not known to agree, anything may.
bool may_reach(const SplitSeen& split, const std::string& service) {
    const auto has = [&](const Split& one) {
        return std::ranges::any_of(one.others, [&](const SplitShare& share) {
            return share.service == service && share.weight > 0;
        });
    };
    return has(split.written) || (split.in_force && has(*split.in_force)) || !split.is_settled;
}

const json::Object* find_analysis(const Object& experiment, const std::string& name) {
    const json::Array* all = json::array(experiment.find("/spec/analyses"));
    if (!all) return nullptr;
    for (const json::Value& one : *all) {
        if (json::text(json::find(one, "/name")) == name) return json::object(&one);
    }
    return nullptr;
}

void copy_texts(const Object& from, std::string_view pointer, Object& to, bool is_label) {
    const json::Object* texts = json::object(from.find(pointer));
    if (!texts) return;
    for (const auto& member : *texts) {
        const auto value = json::text(&member.value());
        if (!value) continue;
        const std::string_view key(member.key().data(), member.key().size());
        is_label ? to.set_label(key, *value) : to.set_annotation(key, *value);
    }
}

bool is_bad(RunPhase phase) {
    return phase == RunPhase::failed || phase == RunPhase::error;
}

}  // namespace

struct ExperimentController::World {
    const Object& experiment;
    std::map<std::string, Object> groups;  // By arm; only its own.
    TrialSeen seen;
};

ExperimentController::ExperimentController(
    const Clock& clock, ObjectStore& store, TrafficRouter& router)
    : clock_(clock), store_(store), router_(router), events_(store, clock, "serin-experiment") {}

std::vector<Trigger> ExperimentController::triggers() const {
    std::vector<Trigger> triggers{
        on_change_of(types::experiment()),
        on_change_of_owned(types::replica_set(), types::experiment()),
        on_change_of_owned(types::analysis_run(), types::experiment()),
        on_change_of_owned(types::service(), types::experiment())};
    // Templates may come later than what names them.
    for (const ResourceType* type :
         {&types::analysis_template(), &types::cluster_analysis_template()}) {
        triggers.push_back(
            {type, [this](const Object& changed) {
                 std::vector<ObjectKey> keys;
                 const auto all =
                     store_.list({.type = &types::experiment(), .ns = std::string(changed.ns())});
                 if (!all) return keys;
                 for (const Object& one : all->items) keys.push_back(one.key());
                 return keys;
             }});
    }
    return triggers;
}

Result<CallAgain> ExperimentController::reconcile(const ObjectKey& key) {
    const auto experiment = store_.get(key);
    if (!experiment) {
        if (experiment.error().kind == ErrorKind::not_found) return CallAgain();
        return std::unexpected(experiment.error());
    }
    if (experiment->is_being_deleted()) {
        refused_.erase(std::string(experiment->uid()));
        denied_since_.erase(std::string(experiment->uid()));
        return CallAgain();
    }
    return turn(*experiment);
}

Result<CallAgain> ExperimentController::turn(const Object& experiment) {
    const Instant now = clock_.now();  // The only reading of time in a turn.
    const auto plan = argo::lower_experiment(experiment);
    if (!plan) {
        SERIN_TRY_DO(write_status(
            store_,
            experiment,
            argo::project_invalid_experiment(experiment, plan.error().message, now)));
        return CallAgain();
    }
    const TrialState before = argo::read_experiment_status(experiment);
    SERIN_TRY(World world, observe(experiment, *plan, now));
    if (!before.phase || !is_completed(*before.phase)) check_judges(world, before);

    const TrialDecision decision = engine::decide_experiment(*plan, before, world.seen);
    SERIN_TRY_DO(
        write_status(store_, experiment, argo::project_experiment(experiment, decision.next, now)));
    announce(experiment, before, decision.next);
    SERIN_TRY_DO(carry_out(world, decision));
    if (!decision.wake_at) return CallAgain();
    return CallAgain(std::max(Duration(1), *decision.wake_at - now));
}

Result<ExperimentController::World> ExperimentController::observe(
    const Object& experiment, const TrialPlan& plan, Instant now) {
    World world{.experiment = experiment, .groups = {}, .seen = {.at = now}};
    for (const TrialArmPlan& arm : plan.arms) SERIN_TRY_DO(see_arm(world, arm));
    if (const auto refused = refused_.find(std::string(experiment.uid()));
        refused != refused_.end()) {
        for (const auto& problem : refused->second) world.seen.arm_problems.push_back(problem);
    }
    SERIN_TRY(
        const ObjectList runs,
        store_.list(
            {.type = &types::analysis_run(),
             .ns = std::string(experiment.ns()),
             .owner_uid = std::string(experiment.uid())}));
    for (const Object& run : runs.items) {
        world.seen.runs.push_back(
            {.name = std::string(run.name()),
             .phase = argo::run_phase_of(run.text("/status/phase")),
             .message = std::string(run.text("/status/message")),
             .is_stopping = run.boolean("/spec/terminate")});
    }
    see_exposure(world);
    return world;
}

Result<> ExperimentController::see_arm(World& world, const TrialArmPlan& plan) {
    const Object& experiment = world.experiment;
    const std::string ns(experiment.ns());
    const auto is_foreign = [&](const Object& object, const char* what) {
        if (object.controller_uid() == experiment.uid()) return false;
        world.seen.arm_problems.emplace_back(
            plan.name, fmt::format("{} \"{}\" belongs to somebody else", what, object.name()));
        return true;
    };
    const auto group =
        store_.get({&types::replica_set(), ns, argo::arm_group_name(experiment, plan.name)});
    if (!group && group.error().kind != ErrorKind::not_found) return std::unexpected(group.error());
    if (!group || is_foreign(*group, "replica set")) return {};
    ArmSeen seen = see_group(plan.name, *group);
    if (plan.has_service) {
        const auto service =
            store_.get({&types::service(), ns, argo::arm_service_name(experiment, plan.name)});
        if (!service && service.error().kind != ErrorKind::not_found)
            return std::unexpected(service.error());
        if (service && !is_foreign(*service, "service")) seen.service = service->name();
    }
    world.seen.arms.push_back(std::move(seen));
    world.groups.emplace(plan.name, *group);
    return {};
}

void ExperimentController::see_exposure(World& world) const {
    const json::Object* owner = world.experiment.controller();
    if (!owner || json::text(owner->if_contains("kind")) != types::rollout().kind) return;
    const auto rollout = store_.get(
        {&types::rollout(),
         std::string(world.experiment.ns()),
         std::string(json::text(owner->if_contains("name")).value_or(""))});
    if (!rollout) return;
    const argo::Lowered lowered = argo::lower(*rollout);
    if (!lowered.route) return;
    const auto split = router_.observe(*lowered.route);
    for (ArmSeen& arm : world.seen.arms) {
        if (arm.service.empty()) continue;
        // A route that is gone sends nothing; one that cannot be read may.
        arm.is_exposed =
            split ? may_reach(*split, arm.service) : split.error().kind != ErrorKind::not_found;
    }
}

// Before the first replica is there, it is known whether the judges can begin.
void ExperimentController::check_judges(World& world, const TrialState& state) const {
    const json::Array* all = json::array(world.experiment.find("/spec/analyses"));
    if (!all) return;
    for (const json::Value& one : *all) {
        const std::string name(json::text(json::find(one, "/name")).value_or(""));
        if (std::ranges::find(state.runs, name, &TrialRunState::judge) != state.runs.end())
            continue;
        const auto run = make_run(world, state, name, name);
        if (run || run.error().kind == ErrorKind::unavailable) continue;
        world.seen.judge_problem = fmt::format("analysis '{}': {}", name, run.error().message);
        return;
    }
}

Result<Object> ExperimentController::make_run(
    const World& world,
    const TrialState& state,
    const std::string& judge,
    const std::string& name) const {
    const Object& experiment = world.experiment;
    const json::Object* given = find_analysis(experiment, judge);
    if (!given) return fail(ErrorKind::invalid, "is not in the spec");
    const Object analysis(*given);
    const bool is_cluster_scoped = analysis.boolean("/clusterScope");
    json::Object section{
        {"templates",
         json::Array{json::Object{
             {"templateName", analysis.text("/templateName")},
             {"clusterScope", is_cluster_scoped}}}}};
    for (const char* rules : {"dryRun", "measurementRetention"}) {
        if (const json::Value* value = experiment.find(fmt::format("/spec/{}", rules)))
            section[rules] = *value;
    }
    const json::Array* arguments = json::array(analysis.find("/args"));
    SERIN_TRY(
        const json::Array settled,
        argo::experiment_arguments(experiment, arguments ? *arguments : json::Array(), state));
    const auto find = [&](const argo::TemplateName& wanted) {
        ObjectKey key{&types::analysis_template(), std::string(experiment.ns()), wanted.name};
        if (wanted.is_cluster_scoped) key = {&types::cluster_analysis_template(), "", wanted.name};
        return store_.get(key);
    };
    SERIN_TRY(json::Object spec, argo::analysis_run_spec(section, settled, find));

    Object run(types::analysis_run(), experiment.ns(), name);
    run.put("/spec", std::move(spec));
    copy_texts(experiment, "/spec/analysisRunMetadata/labels", run, true);
    copy_texts(experiment, "/spec/analysisRunMetadata/annotations", run, false);
    run.set_annotation(argo::annotation_experiment, experiment.name());
    run.set_controller(experiment);
    return run;
}

Result<> ExperimentController::carry_out(const World& world, const TrialDecision& decision) {
    for (const TrialAction& action : decision.actions) {
        SERIN_TRY_DO(
            std::visit([&](const auto& one) { return act(world, decision, one); }, action));
    }
    return {};
}

// What the store refuses for good is the arm's error and not a turn to repeat. An API server that
// has just started denies everything, before it knows who may do what: a denial has to last.
Result<> ExperimentController::make(
    const World& world, const std::string& arm, Object object, std::string_view what) {
    const std::string uid(world.experiment.uid());
    const auto made = store_.create(std::move(object));
    if (made || made.error().kind == ErrorKind::exists) {
        denied_since_.erase(uid);
        return {};
    }
    const Error error = Error(made.error()).within(fmt::format("create the {}", what));
    const bool is_denied =
        error.kind == ErrorKind::denied &&
        world.seen.at - denied_since_.try_emplace(uid, world.seen.at).first->second >= denial_lasts;
    if (error.kind != ErrorKind::invalid && !is_denied) return std::unexpected(error);
    refused_[uid][arm] = error.message;
    if (request_) request_(world.experiment.key());
    return {};
}

Result<> ExperimentController::act(
    const World& world, const TrialDecision& /*decision*/, const CreateArm& action) {
    return make(
        world, action.arm, argo::make_arm_group(world.experiment, action.arm), "replica set");
}

Result<> ExperimentController::act(
    const World& world, const TrialDecision& /*decision*/, const CreateArmService& action) {
    return make(
        world,
        action.arm,
        argo::make_arm_service(world.experiment, action.arm, world.groups.at(action.arm)),
        "service");
}

Result<> ExperimentController::act(
    const World& world, const TrialDecision& /*decision*/, const ScaleArm& action) {
    const Object& group = world.groups.at(action.arm);
    const std::int64_t former = group.integer("/spec/replicas", 1);
    const auto scaled = store_.patch(
        group.key(),
        PatchKind::merge,
        json::Object{{"spec", json::Object{{"replicas", action.replicas}}}});
    if (!scaled) return std::unexpected(scaled.error());
    events_.record(
        world.experiment,
        EventType::normal,
        "ScalingReplicaSet",
        fmt::format(
            "Scaled {} ReplicaSet {} from {} to {}",
            former < action.replicas ? "up" : "down",
            group.name(),
            former,
            action.replicas));
    return {};
}

Result<> ExperimentController::act(
    const World& world, const TrialDecision& /*decision*/, const RetireArm& action) {
    const json::Value at = action.at ? json::string(format_time(*action.at)) : json::Value();
    const auto marked = store_.patch(
        world.groups.at(action.arm).key(),
        PatchKind::merge,
        json::Object{
            {"metadata",
             json::Object{{"annotations", json::Object{{argo::annotation_retire_at, at}}}}}});
    if (!marked) return std::unexpected(marked.error());
    return {};
}

Result<> ExperimentController::act(
    const World& world, const TrialDecision& /*decision*/, const RemoveArmService& action) {
    const auto removed = store_.remove(
        {&types::service(),
         std::string(world.experiment.ns()),
         argo::arm_service_name(world.experiment, action.arm)});
    if (!removed && removed.error().kind != ErrorKind::not_found)
        return std::unexpected(removed.error());
    return {};
}

Result<> ExperimentController::act(
    const World& world, const TrialDecision& decision, const StartTrialRun& action) {
    SERIN_TRY(const Object run, make_run(world, decision.next, action.judge, action.run));
    const auto created = store_.create(run);
    if (created) {
        tell(
            world.experiment,
            EventType::normal,
            "AnalysisRunPending",
            fmt::format("AnalysisRun '{}' is now Pending", action.run));
        return {};
    }
    if (created.error().kind != ErrorKind::exists) return std::unexpected(created.error());
    SERIN_TRY(const Object other, store_.get(run.key()));
    if (other.controller_uid() == world.experiment.uid()) return {};
    return fail(
        ErrorKind::unavailable,
        fmt::format("analysis run \"{}\" belongs to somebody else", action.run));
}

Result<> ExperimentController::act(
    const World& world, const TrialDecision& /*decision*/, const StopTrialRun& action) {
    const auto stopped = store_.patch(
        {&types::analysis_run(), std::string(world.experiment.ns()), action.run},
        PatchKind::merge,
        json::Object{{"spec", json::Object{{"terminate", true}}}});
    if (!stopped && stopped.error().kind != ErrorKind::not_found)
        return std::unexpected(stopped.error());
    events_.record(
        world.experiment,
        EventType::normal,
        "AnalysisRunTerminating",
        fmt::format("Terminating AnalysisRun '{}'", action.run));
    return {};
}

// The owning Rollout hears it too: it is where people look.
void ExperimentController::tell(
    const Object& experiment,
    EventType type,
    const std::string& reason,
    const std::string& message) {
    events_.record(experiment, type, reason, message);
    const json::Object* owner = experiment.controller();
    if (!owner || json::text(owner->if_contains("kind")) != types::rollout().kind) return;
    const auto rollout = store_.get(
        {&types::rollout(),
         std::string(experiment.ns()),
         std::string(json::text(owner->if_contains("name")).value_or(""))});
    if (rollout) events_.record(*rollout, type, reason, message);
}

void ExperimentController::announce(
    const Object& experiment, const TrialState& before, const TrialState& after) {
    for (const ArmState& arm : after.arms) {
        const auto former = std::ranges::find(before.arms, arm.name, &ArmState::name);
        if (former != before.arms.end() && former->phase == arm.phase) continue;
        const bool is_well = arm.phase != ArmPhase::failed && arm.phase != ArmPhase::error;
        events_.record(
            experiment,
            is_well ? EventType::normal : EventType::warning,
            fmt::format("Template{}", argo::word_of(arm.phase)),
            arm.message.empty()
                ? fmt::format(
                      "Template '{}' transitioned to {}", arm.name, argo::word_of(arm.phase))
                : arm.message);
    }
    for (const TrialRunState& run : after.runs) {
        const auto former = std::ranges::find(before.runs, run.judge, &TrialRunState::judge);
        const bool is_news = former != before.runs.end() && former->run.phase != run.run.phase;
        if (!is_news) continue;
        const std::string_view word = argo::word_of(run.run.phase);
        tell(
            experiment,
            is_bad(run.run.phase) ? EventType::warning : EventType::normal,
            fmt::format("AnalysisRun{}", word),
            fmt::format("AnalysisRun '{}' transitioned to {}", run.run.name, word));
    }
    if (after.phase == before.phase || !after.phase) return;
    const std::string_view word = argo::word_of(*after.phase);
    std::string message = fmt::format("Experiment transitioned to {}", word);
    if (!after.message.empty()) message += ": " + after.message;
    events_.record(
        experiment,
        is_bad(*after.phase) ? EventType::warning : EventType::normal,
        fmt::format("Experiment{}", word),
        message);
}

}  // namespace serin::control
