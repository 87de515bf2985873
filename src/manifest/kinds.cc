#include "manifest/kinds.h"

#include "manifest/similar.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <vector>

namespace serin::manifest {

namespace {

struct ClusterKind {
    std::string_view kind;
    std::string_view advice;
};

constexpr std::string_view route_advice = "use a Gateway and an HTTPRoute";
constexpr std::string_view access_advice = "leave it out: whoever may reach the server may act";
constexpr std::string_view disk_advice = "leave it out: processes use the machine's files";

// Kinds that manifests meant for a cluster often hold.
constexpr ClusterKind cluster_kinds[] = {
    {"Ingress", route_advice},
    {"IngressClass", route_advice},
    {"IngressRoute", route_advice},
    {"TraefikService", route_advice},
    {"VirtualService", route_advice},
    {"DestinationRule", "leave it out: HTTPRoutes split between Services"},
    {"TrafficSplit", route_advice},
    {"Mapping", route_advice},
    {"GRPCRoute", "use an HTTPRoute"},
    {"TCPRoute", ""},
    {"TLSRoute", ""},
    {"ReferenceGrant", "leave it out: keep routes and what they name in one namespace"},
    {"StatefulSet", "use a Rollout"},
    {"DaemonSet", "use a Rollout"},
    {"CronJob", "use the machine's cron"},
    {"ServiceAccount", access_advice},
    {"Role", access_advice},
    {"RoleBinding", access_advice},
    {"ClusterRole", access_advice},
    {"ClusterRoleBinding", access_advice},
    {"PersistentVolume", disk_advice},
    {"PersistentVolumeClaim", disk_advice},
    {"StorageClass", disk_advice},
    {"HorizontalPodAutoscaler", "set spec.replicas"},
    {"PodDisruptionBudget", "leave it out"},
    {"NetworkPolicy", "leave it out: pods listen on loopback"},
    {"CustomResourceDefinition", "leave it out: the kinds served are built in"},
    {"ServiceMonitor", "leave it out"},
    {"PodMonitor", "leave it out"},
    {"PrometheusRule", "leave it out"},
    {"Canary", "use a Rollout"},
    {"MetricTemplate", "use an AnalysisTemplate"},
};

std::vector<std::string> served_kinds() {
    std::vector<std::string> kinds;
    for (const ResourceType& type : resource_types()) kinds.emplace_back(type.kind);
    return kinds;
}

}  // namespace

void check_kind(const Object& object, Findings& findings) {
    const std::string kind(object.kind());
    const std::string version(object.api_version());
    if (kind.empty()) {
        return findings.error("/kind", "required field is missing", "write, say, kind: Rollout");
    }
    for (const ResourceType& type : resource_types()) {
        if (type.kind != kind) continue;
        return version.empty()
                   ? findings.error(
                         "/apiVersion",
                         "required field is missing",
                         fmt::format("write apiVersion: {}", type.api_version()))
                   : findings.error(
                         "/apiVersion",
                         fmt::format("'{}' is not the apiVersion of a {}", version, kind),
                         fmt::format("write {}", type.api_version()));
    }
    const auto known = std::ranges::find(cluster_kinds, kind, &ClusterKind::kind);
    if (known != std::end(cluster_kinds)) {
        return findings.error(
            "/kind",
            fmt::format("{} is not served on one machine", kind),
            std::string(known->advice));
    }
    const std::vector<std::string> kinds = served_kinds();
    const std::string similar = most_similar(kind, kinds);
    findings.error(
        "/kind",
        fmt::format("unknown kind '{}'", kind),
        similar.empty() ? fmt::format("served are {}", fmt::join(kinds, ", "))
                        : fmt::format("did you mean '{}'?", similar));
}

}  // namespace serin::manifest
