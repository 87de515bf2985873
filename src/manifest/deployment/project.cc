#include "manifest/deployment/project.h"

#include "manifest/argo/hash.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace serin::deployment {

namespace {

using enum Progress::Kind;

struct Word {
    Progress::Kind kind;
    std::string_view reason;
    std::string_view status;
};

// A Deployment that once had everything keeps saying so when it loses replicas: Available tells.
constexpr std::array<Word, 8> words{{
    {created, "NewReplicaSetCreated", "True"},
    {found, "FoundNewReplicaSet", "True"},
    {advancing, "ReplicaSetUpdated", "True"},
    {arrived, "NewReplicaSetAvailable", "True"},
    {lost_replicas, "NewReplicaSetAvailable", "True"},
    {held, "DeploymentPaused", "Unknown"},
    {resumed, "DeploymentResumed", "Unknown"},
    {timed_out, "ProgressDeadlineExceeded", "False"},
}};

const json::Object* find_condition(const Object& deployment, std::string_view type) {
    const json::Array* conditions = json::array(deployment.find("/status/conditions"));
    if (!conditions) return nullptr;
    for (const json::Value& condition : *conditions) {
        if (json::text(json::find(condition, "/type")) == type) return json::object(&condition);
    }
    return nullptr;
}

struct Condition {
    std::string_view type;
    std::string_view status;
    std::string_view reason;
    std::string message;
};

class Projection {
public:
    Projection(
        const Object& deployment,
        const Lowered& lowered,
        const ReleaseState& state,
        const Observation& seen)
        : deployment_(deployment), lowered_(lowered), state_(state), seen_(seen) {
        group_ = std::string(deployment.name()) + "-" + state.candidate;
        for (const RevisionSeen& revision : seen.revisions) {
            if (revision.id == state.candidate) group_ = revision.group;
        }
    }

    json::Object run() {
        json::Object status{{"observedGeneration", deployment_.generation()}};
        const auto put = [&](std::string_view name, int count) {
            if (count > 0) status[name] = count;  // As Kubernetes leaves zeros out.
        };
        const Counts& counts = state_.counts;
        int desired = 0;
        for (const RevisionSeen& revision : seen_.revisions) desired += revision.desired;
        put("replicas", counts.current);
        put("updatedReplicas", counts.updated);
        put("readyReplicas", counts.ready);
        put("availableReplicas", counts.available);
        put("collisionCount",
            std::max(
                static_cast<int>(deployment_.integer("/status/collisionCount")), seen_.collisions));
        put("unavailableReplicas", std::max(0, desired - counts.available));
        write_available();
        write_progressing();
        status["conditions"] = std::move(conditions_);
        json::Object own{
            {"candidate", json::string(state_.candidate)}, {"stable", json::string(state_.stable)}};
        if (!state_.waiting_for.empty()) own["waitingFor"] = json::string(state_.waiting_for);
        status["serin"] = std::move(own);
        return status;
    }

private:
    void set(const Condition& condition, Instant at, bool is_refreshed = false) {
        const json::Object* former = find_condition(deployment_, condition.type);
        const auto had = [&](std::string_view name, std::string_view value) {
            return former && json::text(former->if_contains(name)) == value;
        };
        const bool is_same_status = had("status", condition.status);
        if (is_same_status && had("reason", condition.reason) && !is_refreshed) {
            conditions_.emplace_back(*former);
            return;
        }
        json::Value now = json::string(format_time(at));
        json::Value transition = now;
        if (is_same_status && former->if_contains("lastTransitionTime")) {
            transition = former->at("lastTransitionTime");
        }
        conditions_.emplace_back(json::Object{
            {"type", json::string(condition.type)},
            {"status", json::string(condition.status)},
            {"lastUpdateTime", std::move(now)},
            {"lastTransitionTime", std::move(transition)},
            {"reason", json::string(condition.reason)},
            {"message", json::string(condition.message)}});
    }

    void write_available() {
        Amount unavailable = lowered_.plan.unavailable;
        if (lowered_.plan.recreates) unavailable = {};
        const int may_miss =
            unavailable.is_percent
                ? static_cast<int>(std::int64_t{unavailable.value} * seen_.replicas / 100)
                : unavailable.value;
        const bool holds = state_.counts.available >= seen_.replicas - may_miss;
        set({"Available",
             holds ? "True" : "False",
             holds ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
             holds ? "Deployment has minimum availability."
                   : "Deployment does not have minimum availability."},
            seen_.at);
    }

    std::string message() const {
        const std::string name = "\"" + group_ + "\"";
        switch (state_.progress.kind) {
            case created:
                return "Created new replica set " + name;
            case found:
                return "Found new replica set " + name;
            case advancing:
                return "ReplicaSet " + name + " is progressing.";
            case arrived:
            case lost_replicas:
                return "ReplicaSet " + name + " has successfully progressed.";
            case held:
                return "Deployment is paused";
            case resumed:
                return "Deployment is resumed";
            case timed_out:
                return "ReplicaSet " + name + " has timed out progressing.";
            case none:
            case retried:
            case aborted:
                break;
        }
        return {};
    }

    void write_progressing() {
        const auto word = std::ranges::find(words, state_.progress.kind, &Word::kind);
        if (word == words.end()) return;
        const bool is_refreshed = state_.progress.kind == advancing;
        set({"Progressing", word->status, word->reason, message()},
            state_.progress.at,
            is_refreshed);
    }

    const Object& deployment_;
    const Lowered& lowered_;
    const ReleaseState& state_;
    const Observation& seen_;
    std::string group_;
    json::Array conditions_;
};

Progress read_progress(const Object& deployment) {
    const json::Object* condition = find_condition(deployment, "Progressing");
    if (!condition) return {};
    const auto reason = json::text(condition->if_contains("reason")).value_or("");
    const auto word = std::ranges::find(words, reason, &Word::reason);
    const auto time = json::text(condition->if_contains("lastUpdateTime"));
    if (word == words.end() || !time) return {};
    const auto at = parse_time(*time);
    if (!at) return {};
    return {.kind = word->kind, .at = std::chrono::floor<std::chrono::seconds>(*at)};
}

}  // namespace

json::Object project(
    const Object& deployment,
    const Lowered& lowered,
    const ReleaseState& state,
    const Observation& seen) {
    return Projection(deployment, lowered, state, seen).run();
}

ReleaseState read_status(const Object& deployment) {
    const auto count = [&](std::string_view pointer) {
        return static_cast<int>(
            std::clamp<std::int64_t>(deployment.integer(pointer), 0, 1'000'000'000));
    };
    ReleaseState state;
    state.candidate = deployment.text("/status/serin/candidate");
    state.stable = deployment.text("/status/serin/stable");
    state.steps_digest = argo::steps_digest(nullptr);
    state.progress = read_progress(deployment);
    state.counts = {
        .current = count("/status/replicas"),
        .updated = count("/status/updatedReplicas"),
        .ready = count("/status/readyReplicas"),
        .available = count("/status/availableReplicas"),
    };
    state.waiting_for = deployment.text("/status/serin/waitingFor");
    return state;
}

}  // namespace serin::deployment
