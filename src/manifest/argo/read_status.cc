#include "manifest/argo/read_status.h"

#include "manifest/argo/names.h"
#include "manifest/argo/plugins.h"
#include "manifest/argo/project_blue_green.h"
#include "manifest/argo/project_words.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>

namespace serin::argo {

namespace {

std::optional<Instant> time_at(const Object& rollout, std::string_view pointer) {
    const auto at = rollout.time(pointer);
    if (!at) return std::nullopt;
    return std::chrono::floor<std::chrono::seconds>(*at);
}

std::optional<Instant> time_of(const json::Value* value) {
    const auto text = json::text(value);
    if (!text) return std::nullopt;
    const auto at = parse_time(*text);
    if (!at) return std::nullopt;
    return std::chrono::floor<std::chrono::seconds>(*at);
}

int small(std::int64_t number) {
    constexpr std::int64_t most = 1'000'000'000;
    return static_cast<int>(number < 0 ? 0 : number > most ? most : number);
}

std::vector<Hold> read_holds(const Object& rollout) {
    std::vector<Hold> holds;
    const json::Array* conditions = json::array(rollout.find("/status/pauseConditions"));
    if (!conditions) return holds;
    for (const json::Value& condition : *conditions) {
        const auto kind = hold_of(json::text(json::find(condition, "/reason")).value_or(""));
        const auto since = time_of(json::find(condition, "/startTime"));
        if (kind && since) holds.push_back({*kind, *since});
    }
    return holds;
}

std::optional<RunNote> read_run(const Object& rollout, const std::string& pointer) {
    const std::string_view name = rollout.text(pointer + "/name");
    if (name.empty()) return std::nullopt;
    return RunNote{
        .name = std::string(name),
        .phase = run_phase_of(rollout.text(pointer + "/status")),
        .message = std::string(rollout.text(pointer + "/message")),
    };
}

Progress read_progress(const Object& rollout) {
    const json::Array* conditions = json::array(rollout.find("/status/conditions"));
    if (!conditions) return {};
    for (const json::Value& condition : *conditions) {
        if (json::text(json::find(condition, "/type")) != "Progressing") continue;
        const auto kind = progress_of(json::text(json::find(condition, "/reason")).value_or(""));
        const auto at = time_of(json::find(condition, "/lastUpdateTime"));
        if (kind == Progress::Kind::none || !at) return {};
        return {.kind = kind, .at = *at};
    }
    return {};
}

std::optional<AbortCause> read_cause(const Object& rollout) {
    const auto kind = abort_of(rollout.text("/status/serin/abort/cause"));
    if (!kind) return std::nullopt;
    return AbortCause{*kind, std::string(rollout.text("/status/serin/abort/detail"))};
}

std::optional<ExposureNote> read_exposure(const Object& rollout) {
    if (!rollout.find("/status/canary/weights/canary/weight")) return std::nullopt;
    ExposureNote note{
        .candidate_weight = small(rollout.integer("/status/canary/weights/canary/weight")),
        .candidate = std::string(rollout.text("/status/canary/weights/canary/podTemplateHash")),
        .stable = std::string(rollout.text("/status/canary/weights/stable/podTemplateHash")),
        .is_verified = rollout.boolean("/status/canary/weights/verified"),
    };
    if (const json::Array* arms = json::array(rollout.find("/status/canary/weights/additional"))) {
        for (const json::Value& arm : *arms) {
            const auto text = [&](std::string_view pointer) {
                return std::string(json::text(json::find(arm, pointer)).value_or(""));
            };
            note.arms.push_back(
                {.service = text("/serviceName"),
                 .revision = text("/podTemplateHash"),
                 .weight = small(json::integer(json::find(arm, "/weight")).value_or(0))});
        }
    }
    return note;
}

}  // namespace

ReleaseState read_status(const Object& rollout) {
    ReleaseState state;
    state.candidate = rollout.text("/status/currentPodHash");
    state.stable = rollout.text("/status/stableRS");
    state.steps_digest = rollout.text("/status/currentStepHash");
    if (const auto step = json::integer(rollout.find("/status/currentStepIndex"))) {
        state.step = small(*step);
    }
    state.is_aborted = rollout.boolean("/status/abort");
    state.aborted_at = time_at(rollout, "/status/abortedAt");
    state.abort_cause = read_cause(rollout);
    state.holds = read_holds(rollout);
    state.is_holding = rollout.boolean("/status/controllerPause");
    state.skips_steps = rollout.boolean("/status/promoteFull");
    state.exposure = read_exposure(rollout);
    state.is_first_stable = rollout.text("/status/canary/stablePingPong") == "ping";
    state.step_run = read_run(rollout, "/status/canary/currentStepAnalysisRunStatus");
    state.background_run = read_run(rollout, "/status/canary/currentBackgroundAnalysisRunStatus");
    state.hooks = read_hooks(rollout.find("/status/canary/stepPluginStatuses"));
    if (const auto trial = rollout.text("/status/canary/currentExperiment"); !trial.empty())
        state.trial = RunNote{.name = std::string(trial)};
    state.progress = read_progress(rollout);
    state.counts = {
        .current = small(rollout.integer("/status/replicas")),
        .updated = small(rollout.integer("/status/updatedReplicas")),
        .ready = small(rollout.integer("/status/readyReplicas")),
        .available = small(rollout.integer("/status/availableReplicas")),
    };
    state.restarted_at = time_at(rollout, "/status/restartedAt");
    state.waiting_for = rollout.text("/status/serin/waitingFor");
    state.problem = rollout.text("/status/serin/problem");
    read_blue_green(rollout, state);
    return state;
}

bool is_of_this_generation(const Object& rollout) {
    const std::string generation = std::to_string(rollout.generation());
    if (rollout.text("/status/observedGeneration") != generation) return false;
    if (rollout.find("/spec/workloadRef") &&
        rollout.text("/status/workloadObservedGeneration") !=
            rollout.annotation(annotation_workload_generation)) {
        return false;
    }
    // A manifest that could not be followed was observed all the same.
    const json::Array* conditions = json::array(rollout.find("/status/conditions"));
    return !conditions || std::ranges::none_of(*conditions, [](const json::Value& condition) {
        return json::text(json::find(condition, "/type")) == "InvalidSpec";
    });
}

}  // namespace serin::argo
