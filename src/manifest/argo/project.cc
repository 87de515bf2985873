#include "manifest/argo/project.h"

#include "manifest/argo/names.h"
#include "manifest/argo/plugins.h"
#include "manifest/argo/project_blue_green.h"
#include "manifest/argo/project_duration.h"
#include "manifest/argo/project_words.h"
#include "ports/selector.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

namespace serin::argo {

namespace {

struct Condition {
    std::string_view type;
    std::string_view status;
    std::string_view reason;
    std::string message;
};

json::Value time_value(Instant at) {
    return json::string(format_time(at));
}

const json::Object* find_condition(const json::Array* conditions, std::string_view type) {
    if (!conditions) return nullptr;
    for (const json::Value& condition : *conditions) {
        if (json::text(json::find(condition, "/type")) == type) return json::object(&condition);
    }
    return nullptr;
}

bool has(const json::Object& condition, std::string_view name, std::string_view value) {
    return json::text(condition.if_contains(name)) == value;
}

class Projection {
public:
    Projection(
        const Object& rollout,
        const Lowered& lowered,
        const ReleaseState& state,
        const Observation& seen)
        : rollout_(rollout),
          lowered_(lowered),
          state_(state),
          seen_(seen),
          former_(json::array(rollout.find("/status/conditions"))) {
        for (const RevisionSeen& revision : seen.revisions) {
            if (revision.id == state.candidate) candidate_ = &revision;
        }
    }

    json::Object run() {
        write_commands();
        write_revisions();
        write_counts();
        write_conditions();
        const PhaseShown shown = phase();
        status_["phase"] = json::string(shown.phase);
        if (!shown.message.empty()) status_["message"] = json::string(shown.message);
        write_canary();
        if (json::Object duration = project_duration(rollout_, lowered_, state_, seen_);
            !duration.empty()) {
            status_["duration"] = std::move(duration);
        }
        status_["blueGreen"] = project_blue_green(lowered_, state_);
        write_own();
        return std::move(status_);
    }

private:
    bool is_flip() const { return lowered_.plan.flip && state_.flip; }
    int updated() const { return state_.counts.updated; }
    int updated_available() const { return candidate_ ? candidate_->available : 0; }
    bool is_promoted() const { return !state_.stable.empty() && state_.stable == state_.candidate; }
    std::string group() const {
        if (candidate_) return candidate_->group;
        return std::string(rollout_.name()) + "-" + state_.candidate;
    }

    void write_commands() {
        if (state_.is_aborted) status_["abort"] = true;
        if (state_.aborted_at) status_["abortedAt"] = time_value(*state_.aborted_at);
        if (!state_.holds.empty()) {
            json::Array holds;
            for (const Hold& hold : state_.holds) {
                holds.emplace_back(json::Object{
                    {"reason", json::string(word_of(hold.kind))},
                    {"startTime", time_value(hold.since)}});
            }
            status_["pauseConditions"] = std::move(holds);
        }
        if (state_.is_holding) status_["controllerPause"] = true;
        if (state_.skips_steps) status_["promoteFull"] = true;
    }

    void write_revisions() {
        const auto put = [&](std::string_view name, std::string_view value) {
            if (!value.empty()) status_[name] = json::string(value);
        };
        put("currentPodHash", state_.candidate);
        put("currentStepHash", state_.steps_digest);
        if (state_.step) status_["currentStepIndex"] = *state_.step;
        put("stableRS", state_.stable);
        if (state_.restarted_at) status_["restartedAt"] = time_value(*state_.restarted_at);
        status_["observedGeneration"] = json::string(std::to_string(rollout_.generation()));
        if (rollout_.find("/spec/workloadRef")) {
            put("workloadObservedGeneration",
                rollout_.annotation(annotation_workload_generation).value_or(""));
        }
    }

    void write_counts() {
        status_["replicas"] = state_.counts.current;
        status_["updatedReplicas"] = state_.counts.updated;
        status_["readyReplicas"] = state_.counts.ready;
        status_["availableReplicas"] = state_.counts.available;
        const auto collisions =
            std::max<std::int64_t>(rollout_.integer("/status/collisionCount"), seen_.collisions);
        if (collisions > 0) status_["collisionCount"] = collisions;
        status_["HPAReplicas"] = is_flip() ? active_replicas(state_, seen_) : state_.counts.current;
        if (const json::Value* selector = rollout_.find("/spec/selector")) {
            if (const auto read = LabelSelector::read(*selector)) {
                std::string shown = read->to_string();
                if (is_flip() && !state_.flip->serving.empty()) {
                    shown += shown.empty() ? "" : ",";
                    shown += std::string(label_hash) + "=" + state_.flip->serving;
                }
                status_["selector"] = json::string(shown);
            }
        }
    }

    bool is_held() const { return lowered_.plan.is_held || !state_.holds.empty(); }

    bool is_healthy() const {
        const int replicas = seen_.replicas;
        if (is_flip()) {
            // Former revisions may be running on; they take no part.
            return !is_held() && is_promoted() && is_cut_over(lowered_, state_) &&
                   updated() == replicas && updated_available() == replicas;
        }
        const bool is_past_steps =
            !state_.step || *state_.step >= static_cast<int>(lowered_.plan.steps.size());
        return !is_held() && is_promoted() && is_past_steps && updated() == replicas &&
               updated_available() == replicas && state_.counts.current == replicas;
    }

    // With equal status and reason the former condition stays as it is, its message too.
    void set(const Condition& condition, Instant updated_at, bool refreshes = false) {
        const json::Object* former = find_condition(former_, condition.type);
        const bool is_same_status = former && has(*former, "status", condition.status);
        if (is_same_status && has(*former, "reason", condition.reason) && !refreshes) {
            conditions_.emplace_back(*former);
            return;
        }
        json::Value transition = time_value(updated_at);
        if (is_same_status) {
            if (const json::Value* kept = former->if_contains("lastTransitionTime")) {
                transition = *kept;
            }
        }
        conditions_.emplace_back(json::Object{
            {"type", json::string(condition.type)},
            {"status", json::string(condition.status)},
            {"lastUpdateTime", time_value(updated_at)},
            {"lastTransitionTime", std::move(transition)},
            {"reason", json::string(condition.reason)},
            {"message", json::string(condition.message)}});
    }

    // A claim that was never true is not written as false.
    void set_claim(
        std::string_view type, bool holds, std::string_view reason, std::string_view message) {
        if (!holds && !find_condition(former_, type)) return;
        set({type, holds ? "True" : "False", reason, std::string(message)}, seen_.at);
    }

    void write_conditions() {
        if (!state_.problem.empty()) {
            set({"InvalidSpec", "True", "InvalidSpec", invalid_message(rollout_, state_.problem)},
                seen_.at,
                is_other_problem());
        }
        write_progress();
        const bool is_available = is_flip() ? is_active_saturated(state_, seen_)
                                            : state_.counts.available >= seen_.replicas;
        set({"Available",
             is_available ? "True" : "False",
             "AvailableReason",
             is_available ? "Rollout has minimum availability"
                          : "Rollout does not have minimum availability"},
            seen_.at);
        set_claim("Paused", is_held(), "RolloutPaused", "Rollout is paused");
        const bool heals = is_healthy();
        set_claim(
            "Healthy",
            heals,
            "RolloutHealthy",
            heals ? "Rollout is healthy" : "Rollout is not healthy");
        const bool is_completed = is_promoted();
        set({"Completed",
             is_completed ? "True" : "False",
             "RolloutCompleted",
             is_completed ? "RolloutCompleted" : "RolloutNotCompleted"},
            seen_.at);
    }

    bool is_other_problem() const {
        return rollout_.text("/status/serin/problem") != state_.problem;
    }

    void write_progress() {
        using enum Progress::Kind;
        const Progress& progress = state_.progress;
        const std::string set_name = "\"" + group() + "\"";
        Condition condition{"Progressing", "True", reason_of(progress.kind), {}};
        switch (progress.kind) {
            case none:
                return;
            case created:
                condition.message = "Created new replica set " + set_name;
                break;
            case found:
                condition.message = "Found new replica set " + set_name;
                break;
            case advancing:
                condition.message = "ReplicaSet " + set_name + " is progressing.";
                break;
            case arrived:
                condition.message = "ReplicaSet " + set_name + " has successfully progressed.";
                break;
            case lost_replicas:
                condition.message = "Rollout does not have minimum availability";
                break;
            case held:
                condition.message = "Rollout is paused";
                break;
            case resumed:
                condition.message = "Rollout is resumed";
                break;
            case retried:
                condition.message = "Retrying Rollout after abort";
                break;
            case timed_out:
                condition.message = "ReplicaSet " + set_name + " has timed out progressing.";
                break;
            case aborted:
                condition.message = aborted_message();
                break;
        }
        if (progress.kind == held || progress.kind == resumed || progress.kind == retried) {
            condition.status = "Unknown";
        } else if (progress.kind == timed_out || progress.kind == aborted) {
            condition.status = "False";
        }
        set(condition, progress.at, progress.kind == advancing);
    }

    std::string aborted_message() const {
        std::string message = "Rollout aborted update to revision " +
                              std::to_string(candidate_ ? candidate_->number : 0);
        if (!state_.abort_cause) return message;
        const std::string cause = abort_text(*state_.abort_cause, group());
        return cause.empty() ? message : message + ": " + cause;
    }

    PhaseShown phase() const {
        for (const json::Value& value : conditions_) {
            const json::Object& condition = *json::object(&value);
            const std::string message(json::text(condition.if_contains("message")).value_or(""));
            if (has(condition, "type", "InvalidSpec")) {
                return {"Degraded", "InvalidSpec: " + message};
            }
            for (const char* reason : {"RolloutAborted", "ProgressDeadlineExceeded"}) {
                if (has(condition, "reason", reason)) {
                    return {"Degraded", std::string(reason) + ": " + message};
                }
            }
        }
        if (lowered_.plan.is_held) return {"Paused", "manually paused"};
        if (!state_.holds.empty()) {
            return {"Paused", std::string(word_of(state_.holds.front().kind))};
        }
        const std::string waiting = waited_for();
        return waiting.empty() ? PhaseShown{"Healthy", ""} : PhaseShown{"Progressing", waiting};
    }

    std::string waited_for() const {
        if (lowered_.plan.restart_at && state_.restarted_at != lowered_.plan.restart_at) {
            return "rollout is restarting";
        }
        if (updated() < seen_.replicas) return "more replicas need to be updated";
        if (updated_available() < updated()) {
            return "updated replicas are still becoming available";
        }
        if (is_flip()) return blue_green_wait(state_);
        if (!lowered_.plan.routing && state_.counts.current > updated()) {
            return "old replicas are pending termination";
        }
        if (!is_promoted()) return "waiting for all steps to complete";
        return {};
    }

    static json::Value run_value(const RunNote& note) {
        json::Object value{
            {"name", json::string(note.name)}, {"status", json::string(word_of(note.phase))}};
        if (!note.message.empty()) value["message"] = json::string(note.message);
        return value;
    }

    void write_canary() {
        json::Object canary;
        if (state_.step_run) canary["currentStepAnalysisRunStatus"] = run_value(*state_.step_run);
        if (state_.background_run) {
            canary["currentBackgroundAnalysisRunStatus"] = run_value(*state_.background_run);
        }
        if (!state_.hooks.empty()) canary["stepPluginStatuses"] = hook_values(state_.hooks);
        if (state_.trial) canary["currentExperiment"] = json::string(state_.trial->name);
        if (state_.exposure && lowered_.plan.routing) {
            const ExposureNote& note = *state_.exposure;
            const auto side = [](int weight, const std::string& service, const std::string& hash) {
                return json::Object{
                    {"weight", weight},
                    {"serviceName", json::string(service)},
                    {"podTemplateHash", json::string(hash)}};
            };
            json::Array arms;
            int rest = lowered_.plan.weight_max - note.candidate_weight;
            for (const ArmExposureNote& arm : note.arms) {
                arms.emplace_back(side(arm.weight, arm.service, arm.revision));
                rest -= arm.weight;
            }
            json::Object weights{
                {"canary", side(note.candidate_weight, lowered_.candidate_service, note.candidate)},
                {"stable", side(rest, lowered_.stable_service, note.stable)},
                {"verified", note.is_verified}};
            if (!arms.empty()) weights["additional"] = std::move(arms);
            canary["weights"] = std::move(weights);
        }
        if (lowered_.plan.routing && lowered_.plan.routing->alternates && !state_.stable.empty()) {
            canary["stablePingPong"] = state_.is_first_stable ? "ping" : "pong";
        }
        status_["canary"] = std::move(canary);
        status_["conditions"] = std::move(conditions_);
    }

    void write_own() {
        json::Object own;
        if (!state_.waiting_for.empty()) own["waitingFor"] = json::string(state_.waiting_for);
        if (!state_.problem.empty()) own["problem"] = json::string(state_.problem);
        if (state_.abort_cause) {
            json::Object abort{{"cause", json::string(word_of(state_.abort_cause->kind))}};
            if (!state_.abort_cause->detail.empty()) {
                abort["detail"] = json::string(state_.abort_cause->detail);
            }
            own["abort"] = std::move(abort);
        }
        if (is_flip()) {
            json::Object memory = project_flip_memory(*state_.flip);
            if (!memory.empty()) own["flip"] = std::move(memory);
        }
        if (!own.empty()) status_["serin"] = std::move(own);
    }

public:
    static std::string invalid_message(const Object& rollout, const std::string& problem) {
        return "The Rollout \"" + std::string(rollout.name()) + "\" is invalid: " + problem;
    }

private:
    const Object& rollout_;
    const Lowered& lowered_;
    const ReleaseState& state_;
    const Observation& seen_;
    const json::Array* former_;
    const RevisionSeen* candidate_ = nullptr;
    json::Object status_;
    json::Array conditions_;
};

}  // namespace

json::Object project(
    const Object& rollout,
    const Lowered& lowered,
    const ReleaseState& state,
    const Observation& seen) {
    return Projection(rollout, lowered, state, seen).run();
}

json::Object project_invalid(const Object& rollout, const std::string& problem, Instant at) {
    json::Object status;
    if (const json::Object* former = json::object(rollout.find("/status"))) status = *former;
    const std::string message = Projection::invalid_message(rollout, problem);
    json::Array conditions;
    json::Value transition = time_value(at);
    if (const json::Array* former = json::array(rollout.find("/status/conditions"))) {
        for (const json::Value& condition : *former) {
            if (json::text(json::find(condition, "/type")) != "InvalidSpec") {
                conditions.push_back(condition);
                continue;
            }
            if (json::text(json::find(condition, "/message")) == message) return status;
            if (const json::Value* kept = json::find(condition, "/lastTransitionTime")) {
                transition = *kept;
            }
        }
    }
    conditions.insert(
        conditions.begin(),
        json::Object{
            {"type", "InvalidSpec"},
            {"status", "True"},
            {"lastUpdateTime", time_value(at)},
            {"lastTransitionTime", std::move(transition)},
            {"reason", "InvalidSpec"},
            {"message", json::string(message)}});
    status["conditions"] = std::move(conditions);
    status["phase"] = "Degraded";
    status["message"] = json::string("InvalidSpec: " + message);
    status["observedGeneration"] = json::string(std::to_string(rollout.generation()));
    json::put(status, "/serin/problem", json::string(problem));
    return status;
}

std::string abort_text(const AbortCause& cause, const std::string& group) {
    using enum AbortCause::Kind;
    const auto told = [&](const char* what) {
        return cause.detail.empty() ? std::string(what) : what + (": " + cause.detail);
    };
    switch (cause.kind) {
        case asked:
            return cause.detail;
        case step_run_failed:
        case step_run_error:
            return told("Step-based analysis phase error/failed");
        case background_run_failed:
        case background_run_error:
            return told("Background analysis phase error/failed");
        case before_run_failed:
        case before_run_error:
            return told("Blue/green pre-promotion analysis phase error/failed");
        case after_run_failed:
        case after_run_error:
            return told("Blue/green post-promotion analysis phase error/failed");
        case hook_failed:
            return cause.detail;
        case trial_failed:
        case trial_error:
            return told("Experiment analysis phase is error/failed");
        case deadline:
            return "ReplicaSet \"" + group + "\" has timed out progressing.";
    }
    return {};
}

}  // namespace serin::argo
