#include "node/pod_status.h"

#include "node/pod_facts.h"

#include <fmt/format.h>

#include <algorithm>

namespace serin::node {

namespace {

std::string container_id(const PodRecord& pod, std::string_view container, int run) {
    return fmt::format("serin://{}/{}/{}", pod.uid, container, run);
}

json::Object terminated(const PodRecord& pod, std::string_view container, const ExitRecord& exit) {
    json::Object state{
        {"exitCode", exit.code},
        {"reason", exit.reason},
        {"startedAt", format_time(exit.started)},
        {"finishedAt", format_time(exit.finished)},
        {"containerID", container_id(pod, container, exit.run)}};
    if (exit.signal != 0) state["signal"] = exit.signal;
    if (!exit.message.empty()) state["message"] = exit.message;
    return {{"terminated", std::move(state)}};
}

json::Object waiting_state(const Waiting& waiting) {
    json::Object state{{"reason", waiting.reason}};
    if (!waiting.message.empty()) state["message"] = waiting.message;
    return {{"waiting", std::move(state)}};
}

json::Object container_status(
    const json::Object& spec,
    const PodRecord& pod,
    const WaitingContainers& all_waiting,
    bool is_blocked_by_init) {
    const std::string name(json::text(spec.if_contains("name")).value_or(""));
    const std::string_view image = json::text(spec.if_contains("image")).value_or("");
    const ContainerRecord* record = pod.find(name);
    const auto waiting = all_waiting.find(name);

    json::Object state;
    json::Object last_state;
    if (record != nullptr && record->last_exit) {
        last_state = terminated(pod, name, *record->last_exit);
    }
    if (record != nullptr && record->is_running()) {
        state["running"] = json::Object{{"startedAt", format_time(record->started)}};
    } else if (waiting != all_waiting.end()) {
        state = waiting_state(waiting->second);
        // The run before the one that is waited for.
        if (record != nullptr && record->exit) last_state = terminated(pod, name, *record->exit);
    } else if (record != nullptr && record->exit) {
        state = terminated(pod, name, *record->exit);
    } else {
        state = waiting_state({is_blocked_by_init ? "PodInitializing" : "ContainerCreating", ""});
    }
    json::Object status{
        {"name", name},
        {"state", std::move(state)},
        {"lastState", std::move(last_state)},
        {"ready", record != nullptr && record->is_ready},
        {"restartCount", record == nullptr ? 0 : record->run},
        {"image", image},
        {"imageID", image},
        {"started", record != nullptr && record->is_running() && record->has_started}};
    if (record != nullptr && !record->is_new()) {
        status["containerID"] = container_id(pod, name, record->run);
    }
    return status;
}

std::string phase_of(const Object& pod, const PodRecord& record) {
    if (!is_initialized(pod, record)) {
        const bool has_failed =
            std::ranges::any_of(record.containers, [&](const ContainerRecord& one) {
                return one.is_init && one.exit && one.exit->code != 0 && !is_restarted(pod, one);
            });
        return has_failed ? "Failed" : "Pending";
    }
    if (is_finished(pod, record)) {
        const bool has_failed =
            std::ranges::any_of(record.containers, [](const ContainerRecord& one) {
                return !one.is_init && one.exit && one.exit->code != 0;
            });
        return has_failed ? "Failed" : "Succeeded";
    }
    const bool was_started = std::ranges::any_of(record.containers, [](const ContainerRecord& one) {
        return !one.is_init && !one.is_new();
    });
    return was_started ? "Running" : "Pending";
}

struct Condition {
    std::string type;
    bool is_true = false;
    std::string reason;
    std::string message;
};

json::Object written(const Condition& wanted, const Object& pod, Instant now) {
    const std::string_view status = wanted.is_true ? "True" : "False";
    json::Value since = json::string(format_time(now));
    const json::Object* before = condition(pod, wanted.type);
    if (before != nullptr && json::text(before->if_contains("status")) == status) {
        if (const json::Value* old = before->if_contains("lastTransitionTime")) since = *old;
    }
    json::Object out{
        {"type", wanted.type},
        {"status", status},
        {"lastProbeTime", nullptr},
        {"lastTransitionTime", std::move(since)}};
    if (!wanted.reason.empty()) out["reason"] = wanted.reason;
    if (!wanted.message.empty()) out["message"] = wanted.message;
    return out;
}

std::string names_of_unready(const Object& pod, const PodRecord& record) {
    std::string names;
    for (const json::Value& spec : containers_of(pod)) {
        const std::string name(json::text(json::find(spec, "/name")).value_or(""));
        const ContainerRecord* one = record.find(name);
        if (one != nullptr && one->is_ready) continue;
        names += (names.empty() ? "" : " ") + name;
    }
    return names;
}

json::Array conditions_of(const Object& pod, const PodRecord& record, Instant now) {
    const std::string unready = names_of_unready(pod, record);
    const bool has_finished = is_finished(pod, record);
    Condition initialized{"Initialized", is_initialized(pod, record), "", ""};
    if (!initialized.is_true) initialized.reason = "ContainersNotInitialized";

    Condition containers_ready{"ContainersReady", unready.empty(), "", ""};
    if (!containers_ready.is_true) {
        containers_ready.reason = has_finished ? "PodCompleted" : "ContainersNotReady";
        if (!has_finished) {
            containers_ready.message = fmt::format("containers with unready status: [{}]", unready);
        }
    }
    Condition ready = containers_ready;
    ready.type = "Ready";
    if (const json::Array* gates = json::array(pod.find("/spec/readinessGates"))) {
        for (const json::Value& gate : *gates) {
            const auto type = json::text(json::find(gate, "/conditionType")).value_or("");
            if (!ready.is_true || is_condition_true(pod, type)) continue;
            ready.is_true = false;
            ready.reason = "ReadinessGatesNotReady";
            ready.message =
                fmt::format("the status of pod readiness gate \"{}\" is not \"True\"", type);
        }
    }
    json::Array all;
    for (const Condition& one :
         {initialized, ready, containers_ready, Condition{"PodScheduled", true, "", ""}}) {
        all.push_back(written(one, pod, now));
    }
    if (const json::Array* old = json::array(pod.find("/status/conditions"))) {
        for (const json::Value& other : *old) {
            const auto type = json::text(json::find(other, "/type")).value_or("");
            const bool is_ours = type == "Initialized" || type == "Ready" ||
                                 type == "ContainersReady" || type == "PodScheduled";
            if (!is_ours) all.push_back(other);
        }
    }
    return all;
}

}  // namespace

RestartPolicy restart_policy(const Object& pod) {
    const std::string_view written_policy = pod.text("/spec/restartPolicy", "Always");
    if (written_policy == "Never") return RestartPolicy::never;
    if (written_policy == "OnFailure") return RestartPolicy::on_failure;
    return RestartPolicy::always;
}

bool is_restarted(const Object& pod, const ContainerRecord& container) {
    if (!container.exit) return false;
    const RestartPolicy policy = restart_policy(pod);
    if (policy == RestartPolicy::never) return false;
    // An init container that has done its work is not asked again, whatever the policy.
    const bool needs_failure = container.is_init || policy == RestartPolicy::on_failure;
    return !needs_failure || container.exit->code != 0;
}

bool is_initialized(const Object& pod, const PodRecord& record) {
    return std::ranges::all_of(containers_of(pod, "initContainers"), [&](const json::Value& spec) {
        const ContainerRecord* one =
            record.find(json::text(json::find(spec, "/name")).value_or(""));
        return one != nullptr && one->exit && one->exit->code == 0;
    });
}

bool is_finished(const Object& pod, const PodRecord& record) {
    const auto is_done = [&](const json::Value& spec) {
        const ContainerRecord* one =
            record.find(json::text(json::find(spec, "/name")).value_or(""));
        return one != nullptr && !one->is_running() && one->exit && !is_restarted(pod, *one);
    };
    if (!is_initialized(pod, record)) {
        return std::ranges::any_of(
            containers_of(pod, "initContainers"), [&](const json::Value& spec) {
                return is_done(spec) &&
                       record.find(*json::text(json::find(spec, "/name")))->exit->code != 0;
            });
    }
    const json::Array& containers = containers_of(pod);
    return !containers.empty() && std::ranges::all_of(containers, is_done);
}

json::Object pod_status(
    const Object& pod, const PodRecord& record, const WaitingContainers& waiting, Instant now) {
    json::Object status{
        {"phase", phase_of(pod, record)}, {"conditions", conditions_of(pod, record, now)}};
    status["hostIP"] = "127.0.0.1";
    if (!record.ip.empty()) {
        status["podIP"] = record.ip;
        status["podIPs"] = json::Array{json::Object{{"ip", record.ip}}};
    }
    const json::Value* since = pod.find("/status/startTime");
    status["startTime"] = since == nullptr ? json::string(format_time(now)) : *since;
    status["qosClass"] = "BestEffort";

    const bool is_blocked = !is_initialized(pod, record);
    for (const auto& [list, member] :
         {std::pair{"initContainers", "initContainerStatuses"},
          std::pair{"containers", "containerStatuses"}}) {
        json::Array statuses;
        for (const json::Value& spec : containers_of(pod, list)) {
            if (!spec.is_object()) continue;
            statuses.push_back(container_status(spec.get_object(), record, waiting, is_blocked));
        }
        if (!statuses.empty()) status[member] = std::move(statuses);
    }
    return status;
}

}  // namespace serin::node
