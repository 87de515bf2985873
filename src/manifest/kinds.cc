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
constexpr std::string_view kustomize_advice = "apply what `kustomize build` prints: -f -";

// Kinds that manifests meant for a cluster often hold, and that change what a release does.
constexpr ClusterKind cluster_kinds[] = {
    {"Ingress", route_advice},
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
    {"HorizontalPodAutoscaler", "set spec.replicas"},
    {"ScaledObject", "set spec.replicas"},
    {"NetworkChaos", "rehearse it: serin rehearse --fault"},
    {"PodChaos", "rehearse it: serin rehearse --fault"},
    {"Kustomization", kustomize_advice},
    {"HelmRelease", "apply what `helm template` prints: -f -"},
    {"Application", "apply what it deploys"},
    {"Canary", "use a Rollout"},
    {"MetricTemplate", "use an AnalysisTemplate"},
};

constexpr std::string_view access_reason = "whoever may reach the server may act";
constexpr std::string_view disk_reason = "processes use the machine's files";
constexpr std::string_view scrape_reason = "nothing scrapes by it";
constexpr std::string_view limit_reason = "nothing is limited by it";

// Kinds that lie beside a release on a cluster, without which it is the same release.
constexpr ClusterKind harmless_kinds[] = {
    {"IngressClass", "the only class is serin"},
    {"ServiceAccount", access_reason},
    {"Role", access_reason},
    {"RoleBinding", access_reason},
    {"ClusterRole", access_reason},
    {"ClusterRoleBinding", access_reason},
    {"PersistentVolume", disk_reason},
    {"PersistentVolumeClaim", disk_reason},
    {"StorageClass", disk_reason},
    {"PodDisruptionBudget", "nothing is evicted"},
    {"PriorityClass", "nothing is evicted"},
    {"NetworkPolicy", "pods listen on loopback"},
    {"CustomResourceDefinition", "the kinds served are built in"},
    {"LimitRange", limit_reason},
    {"ResourceQuota", limit_reason},
    {"ServiceMonitor", scrape_reason},
    {"PodMonitor", scrape_reason},
    {"PrometheusRule", scrape_reason},
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
    const auto harmless = std::ranges::find(harmless_kinds, kind, &ClusterKind::kind);
    if (harmless != std::end(harmless_kinds)) {
        return findings.warn(
            "/kind",
            fmt::format(
                "{} has no effect on one machine, and is left out: {}", kind, harmless->advice));
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
