#include "control/release_trials.h"

#include "control/release_runs.h"
#include "manifest/argo/analysis_spec.h"
#include "manifest/argo/experiment.h"
#include "manifest/argo/names.h"
#include "manifest/argo/project_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>
#include <variant>

namespace serin::control {

namespace {

const json::Object* section_of(const Object& rollout, int step) {
    return json::object(
        rollout.find(fmt::format("/spec/strategy/canary/steps/{}/experiment", step)));
}

const json::Array& list_in(const json::Object& section, std::string_view name) {
    static const json::Array none;
    const json::Array* list = json::array(section.if_contains(name));
    return list ? *list : none;
}

// Adds the members of `from` at `pointer` to those of `to` at `at`.
void merge(const Object& from, std::string_view pointer, Object& to, const std::string& at) {
    const json::Object* members = json::object(from.find(pointer));
    if (!members) return;
    for (const auto& member : *members)
        to.put(at + "/" + json::escape_pointer(member.key()), member.value());
}

Result<json::Object> make_arm(
    const ReleaseWorld& world, const StartRun& action, const Object& arm) {
    const bool is_stable = arm.text("/specRef") == "stable";
    const std::string revision =
        is_stable ? std::string(world.rollout.text("/status/stableRS")) : action.revision;
    const Object* group = world.group_of(revision);
    if (!group) {
        return fail(
            ErrorKind::unavailable, fmt::format("revision {} has no replica set", revision));
    }
    const std::string hash = "/" + json::escape_pointer(argo::label_hash);
    Object made;
    made.put("/name", json::string(arm.text("/name")));
    made.put("/replicas", arm.integer("/replicas", 1));
    made.put("/minReadySeconds", group->integer("/spec/minReadySeconds"));
    const json::Value* selector = arm.find("/selector");
    made.put("/selector", selector ? *selector : *group->find("/spec/selector"));
    made.erase("/selector/matchLabels" + hash);
    made.put("/template", *group->find("/spec/template"));
    made.erase("/template/metadata/labels" + hash);
    merge(arm, "/metadata/labels", made, "/template/metadata/labels");
    merge(arm, "/metadata/labels", made, "/selector/matchLabels");
    merge(arm, "/metadata/annotations", made, "/template/metadata/annotations");
    const json::Value* service = arm.find("/service");
    if (service && service->is_object()) {
        made.put("/service", *service);
    } else if (arm.integer("/weight") > 0) {
        made.put("/service", json::Object());
    }
    return std::move(made.document());
}

argo::RevisionHashes hashes_of(const ReleaseWorld& world, const std::string& candidate) {
    return {.stable = std::string(world.rollout.text("/status/stableRS")), .latest = candidate};
}

int number_of(std::string_view text) {
    int number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

}  // namespace

Result<Object> make_trial(
    const ObjectStore& store, const ReleaseWorld& world, const StartRun& action) {
    const Object& rollout = world.rollout;
    const int step = action.step.value_or(0);
    const json::Object* section = section_of(rollout, step);
    if (!section) return fail(ErrorKind::invalid, "the experiment is gone from the manifest");

    Object trial(types::experiment(), rollout.ns(), action.name);
    json::Array arms;
    for (const json::Value& arm : list_in(*section, "templates")) {
        if (!arm.is_object()) continue;
        SERIN_TRY(json::Object made, make_arm(world, action, Object(arm.get_object())));
        arms.push_back(std::move(made));
    }
    trial.put("/spec/templates", std::move(arms));
    json::Array analyses;
    for (const json::Value& value : list_in(*section, "analyses")) {
        if (!value.is_object()) continue;
        json::Object analysis = value.get_object();
        SERIN_TRY(
            json::Array arguments,
            argo::resolve_arguments(
                list_in(analysis, "args"), rollout, hashes_of(world, action.revision)));
        analysis["args"] = std::move(arguments);
        analyses.push_back(std::move(analysis));
    }
    if (!analyses.empty()) trial.put("/spec/analyses", std::move(analyses));
    for (const char* field :
         {"duration",
          "dryRun",
          "measurementRetention",
          "analysisRunMetadata",
          "scaleDownDelaySeconds"}) {
        if (const json::Value* value = section->if_contains(field))
            trial.put(fmt::format("/spec/{}", field), *value);
    }
    trial.put(
        "/spec/progressDeadlineSeconds", rollout.integer("/spec/progressDeadlineSeconds", 600));

    merge(rollout, "/metadata/labels", trial, "/metadata/labels");
    trial.set_label(argo::label_hash, action.revision);
    trial.set_label(argo::label_step_index, std::to_string(step));
    if (const std::string number = revision_number(store, world, action.revision);
        !number.empty()) {
        trial.set_annotation(argo::annotation_revision, number);
    }
    trial.set_controller(rollout);
    return trial;
}

RunSeen see_trial(const Object& experiment) {
    const TrialState state = argo::read_experiment_status(experiment);
    RunSeen seen{
        .name = std::string(experiment.name()),
        .kind = RunKind::trial,
        .revision = std::string(experiment.label(argo::label_hash).value_or("")),
        .phase = state.phase.value_or(RunPhase::pending),
        .message = state.message,
        .is_stopping = experiment.boolean("/spec/terminate"),
        .created = experiment.created().value_or(Instant{}),
    };
    if (const auto step = experiment.label(argo::label_step_index)) seen.step = number_of(*step);
    const auto plan = argo::lower_experiment(experiment);
    if (!plan) return seen;
    for (const TrialArmPlan& arm : plan->arms) {
        const auto status = std::ranges::find(state.arms, arm.name, &ArmState::name);
        if (status == state.arms.end() || status->service.empty()) continue;
        seen.arms.push_back(
            {.name = arm.name,
             .service = status->service,
             .revision = status->revision,
             .replicas = arm.replicas,
             .available = status->counts.available,
             .has_ended = is_completed(status->phase)});
    }
    return seen;
}

std::vector<std::string> find_trial_problems(const ObjectStore& store, const ReleaseWorld& world) {
    std::vector<std::string> problems;
    const auto& steps = world.lowered.plan.steps;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (!std::holds_alternative<Trial>(steps[i])) continue;
        const json::Object* section = section_of(world.rollout, static_cast<int>(i));
        if (!section) continue;
        const json::Array& analyses = list_in(*section, "analyses");
        for (std::size_t j = 0; j < analyses.size(); ++j) {
            const json::Object* analysis = json::object(&analyses[j]);
            if (!analysis) continue;
            const Object given(*analysis);
            const auto find = [&](const argo::TemplateName& name) {
                ObjectKey key{
                    &types::analysis_template(), std::string(world.rollout.ns()), name.name};
                if (name.is_cluster_scoped)
                    key = {&types::cluster_analysis_template(), "", name.name};
                return store.get(key);
            };
            const json::Object named{
                {"args", list_in(*analysis, "args")},
                {"templates",
                 json::Array{json::Object{
                     {"templateName", given.text("/templateName")},
                     {"clusterScope", given.boolean("/clusterScope")}}}}};
            const auto spec = argo::analysis_run_spec(
                named, world.rollout, hashes_of(world, world.seen.wanted), find);
            if (spec || spec.error().kind == ErrorKind::unavailable) continue;
            problems.push_back(fmt::format(
                "spec.strategy.canary.steps[{}].experiment.analyses[{}]: {}",
                i,
                j,
                spec.error().message));
        }
    }
    return problems;
}

}  // namespace serin::control
