#include "manifest/rules.h"
#include "ports/selector.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace serin::manifest {

namespace {

std::map<std::string, std::string> read_labels(const Part& labels) {
    std::map<std::string, std::string> out;
    if (const json::Object* members = labels.object()) {
        for (const auto& member : *members) {
            const auto text = json::text(&member.value());
            if (text) out.emplace(std::string(member.key()), *text);
        }
    }
    return out;
}

bool has_port(const Part& container, const std::string& name) {
    const Part ports = container["ports"];
    for (std::size_t i = 0; i < ports.size(); ++i) {
        if (ports[i]["name"].text() == name) return true;
    }
    return false;
}

void check_port_name(const Part& container, const Part& port, Findings& findings) {
    const std::string name = port.text();
    if (port.integer()) {
        const std::int64_t number = *port.integer();
        if (number < 1 || number > 65535) {
            findings.error(port.pointer(), "must be a port from 1 to 65535");
        }
    } else if (!name.empty() && !has_port(container, name)) {
        findings.error(
            port.pointer(),
            fmt::format("the container has no port named '{}'", name),
            "name it in the container's ports");
    }
}

void check_probe(const Part& container, std::string_view name, Findings& findings) {
    const Part probe = container[name];
    if (!probe.is_given()) return;
    check_port_name(container, probe["httpGet"]["port"], findings);
    check_port_name(container, probe["tcpSocket"]["port"], findings);
    const auto successes = probe["successThreshold"].integer();
    if (name != "readinessProbe" && successes && *successes > 1) {
        findings.error(probe["successThreshold"].pointer(), fmt::format("must be 1 in a {}", name));
    }
    if (probe["grpc"].is_given()) {
        findings.error(
            probe["grpc"].pointer(),
            "gRPC probes are not supported",
            "use httpGet, tcpSocket or exec");
    }
}

// What the node cannot give would stop the container when it starts, in the middle of a release.
void check_env_source(const Part& source, Findings& findings) {
    if (source["resourceFieldRef"].is_given()) {
        findings.error(
            source["resourceFieldRef"].pointer(),
            "is not supported on one machine: no limit is enforced",
            "write the number as value");
    }
    const Part path = source["fieldRef"]["fieldPath"];
    const std::string text = path.text();
    if (text.empty() || text.starts_with("metadata.")) return;
    for (const char* known :
         {"spec.nodeName",
          "spec.serviceAccountName",
          "status.podIP",
          "status.podIPs",
          "status.hostIP"}) {
        if (text == known) return;
    }
    findings.error(path.pointer(), fmt::format("'{}' is not a field that pods can read", text));
}

void check_container(const Part& container, Findings& findings) {
    for (const char* probe : {"readinessProbe", "livenessProbe", "startupProbe"}) {
        check_probe(container, probe, findings);
    }
    for (const char* hook : {"preStop", "postStart"}) {
        check_port_name(container, container["lifecycle"][hook]["httpGet"]["port"], findings);
        check_port_name(container, container["lifecycle"][hook]["tcpSocket"]["port"], findings);
    }
    std::set<std::string> names;
    const Part ports = container["ports"];
    for (std::size_t i = 0; i < ports.size(); ++i) {
        const std::string name = ports[i]["name"].text();
        if (!name.empty() && !names.insert(name).second) {
            findings.error(ports[i]["name"].pointer(), fmt::format("duplicate name '{}'", name));
        }
    }
    const Part env = container["env"];
    for (std::size_t i = 0; i < env.size(); ++i) {
        check_env_source(env[i]["valueFrom"], findings);
        if (!env[i]["value"].text().empty() && env[i]["valueFrom"].is_given()) {
            findings.error(
                env[i]["valueFrom"].pointer(), "may not be specified when `value` is not empty");
        }
    }
    if (container["volumeMounts"].size() > 0) {
        findings.error(
            container["volumeMounts"].pointer(),
            "volumes are not supported on one machine",
            "use env or envFrom, or put the files into the image's folder");
    }
    if (container["lifecycle"]["postStart"].is_given()) {
        findings.error(
            container["lifecycle"]["postStart"].pointer(), "is not supported on one machine");
    }
}

}  // namespace

void check_selector(const Part& spec, Findings& findings) {
    const Part selector = spec["selector"];
    if (!selector.object()) return;
    const auto read = LabelSelector::read(*selector.value());
    if (!read) return findings.error(selector.pointer(), read.error().message);
    if (read->is_empty()) {
        return findings.error(
            selector.pointer(),
            "empty selector is invalid",
            "write matchLabels with labels of the template");
    }
    const Part pods = spec["template"];
    if (!pods.is_given()) return;
    const Part labels = pods["metadata"]["labels"];
    if (!read->matches(read_labels(labels))) {
        findings.error(
            labels.pointer(),
            fmt::format(
                "`selector` does not match template `labels`: it wants {}", read->to_string()));
    }
}

void check_pod_spec(const Part& spec, Findings& findings) {
    if (spec["schedulingGates"].size() > 0) {
        findings.error(
            spec["schedulingGates"].pointer(),
            "is not supported on one machine: the pod would start with its gates closed",
            "remove it");
    }
    if (spec["hostPID"].boolean()) {
        findings.error(spec["hostPID"].pointer(), "is not supported on one machine");
    }
    std::set<std::string> names;
    for (const char* list : {"initContainers", "containers"}) {
        const Part containers = spec[list];
        for (std::size_t i = 0; i < containers.size(); ++i) {
            check_container(containers[i], findings);
            if (std::string_view(list) == "initContainers") {
                names.insert(containers[i]["name"].text());
            } else if (names.contains(containers[i]["name"].text())) {
                findings.error(
                    containers[i]["name"].pointer(),
                    fmt::format("duplicate name '{}'", containers[i]["name"].text()),
                    "an init container has it already");
            }
        }
    }
}

void check_job(const Part& spec, Findings& findings) {
    const Part pod = spec["template"]["spec"];
    check_pod_spec(pod, findings);
    const std::string policy = pod["restartPolicy"].text();
    if (!pod.is_given() || policy == "Never" || policy == "OnFailure") return;
    findings.error(
        pod["restartPolicy"].pointer(),
        policy.empty() ? "required in a Job" : "a Job's pods have to come to an end",
        "write Never, or OnFailure to start failed containers again in the same pod");
}

void check_deployment(const Part& spec, Findings& findings) {
    constexpr std::int64_t deadline_usual_seconds = 600;
    const Part restart = spec["template"]["spec"]["restartPolicy"];
    if (restart.is_given() && restart.text() != "Always") {
        findings.error(restart.pointer(), "must be Always in a Deployment");
    }
    const Part deadline = spec["progressDeadlineSeconds"];
    const std::int64_t ready = spec["minReadySeconds"].integer().value_or(0);
    if (deadline.integer().value_or(deadline_usual_seconds) <= ready) {
        findings.error(
            deadline.is_given() ? deadline.pointer() : spec["minReadySeconds"].pointer(),
            "progressDeadlineSeconds must be greater than minReadySeconds");
    }
    const Part strategy = spec["strategy"];
    const Part rolling = strategy["rollingUpdate"];
    if (strategy["type"].text() == "Recreate" && rolling.is_given()) {
        findings.error(
            rolling.pointer(), "may not be specified when strategy `type` is 'Recreate'");
    }
    const auto is_zero = [](const Part& amount) {
        return amount.is_given() && (amount.integer() == 0 || amount.text() == "0%");
    };
    if (is_zero(rolling["maxSurge"]) && is_zero(rolling["maxUnavailable"])) {
        findings.error(rolling["maxUnavailable"].pointer(), "may not be 0 when `maxSurge` is 0");
    }
}

void check_service(const Part& spec, Findings& findings) {
    const Part ports = spec["ports"];
    std::set<std::string> names;
    std::set<std::pair<std::int64_t, std::string>> numbers;
    for (std::size_t i = 0; i < ports.size(); ++i) {
        const Part port = ports[i];
        const std::string name = port["name"].text();
        if (name.empty() && ports.size() > 1) {
            findings.error(port["name"].pointer(), "required where there is more than one port");
        }
        if (!name.empty() && !names.insert(name).second) {
            findings.error(port["name"].pointer(), fmt::format("duplicate name '{}'", name));
        }
        const std::string protocol = port["protocol"].is_given() ? port["protocol"].text() : "TCP";
        const auto number = port["port"].integer();
        if (number && !numbers.insert({*number, protocol}).second) {
            findings.error(port["port"].pointer(), fmt::format("duplicate port {}", *number));
        }
        const auto target = port["targetPort"].integer();
        if (target && (*target < 1 || *target > 65535)) {
            findings.error(port["targetPort"].pointer(), "must be a port from 1 to 65535");
        }
    }
    if (ports.size() == 0 && spec["type"].text() != "ExternalName" &&
        spec["clusterIP"].text() != "None") {
        findings.error(ports.pointer(), "needs at least one port");
    }
    if (spec["type"].text() == "ExternalName") {
        findings.error(
            spec["type"].pointer(), "ExternalName is not supported", "select pods by labels");
    }
}

}  // namespace serin::manifest
