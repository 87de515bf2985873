#include "base/check.h"
#include "ports/gateway_report.h"
#include "ports/job.h"
#include "ports/object.h"
#include "ports/routing_types.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace serin {

std::string ResourceType::api_version() const {
    return group.empty() ? std::string(version) : fmt::format("{}/{}", group, version);
}

namespace {

std::vector<ResourceType> core_types() {
    return {
        {.group = "",
         .version = "v1",
         .kind = "ConfigMap",
         .plural = "configmaps",
         .singular = "configmap",
         .short_names = {"cm"}},
        {.group = "",
         .version = "v1",
         .kind = "Event",
         .plural = "events",
         .singular = "event",
         .short_names = {"ev"}},
        {.group = "",
         .version = "v1",
         .kind = "Namespace",
         .plural = "namespaces",
         .singular = "namespace",
         .short_names = {"ns"},
         .is_namespaced = false,
         .has_status = true},
        {.group = "",
         .version = "v1",
         .kind = "Pod",
         .plural = "pods",
         .singular = "pod",
         .short_names = {"po"},
         .has_status = true,
         .categories = {"all"}},
        {.group = "",
         .version = "v1",
         .kind = "PodTemplate",
         .plural = "podtemplates",
         .singular = "podtemplate"},
        {.group = "", .version = "v1", .kind = "Secret", .plural = "secrets", .singular = "secret"},
        {.group = "",
         .version = "v1",
         .kind = "Service",
         .plural = "services",
         .singular = "service",
         .short_names = {"svc"},
         .has_status = true,
         .categories = {"all"}},
    };
}

std::vector<ResourceType> apps_types() {
    return {
        {.group = "apps",
         .version = "v1",
         .kind = "Deployment",
         .plural = "deployments",
         .singular = "deployment",
         .short_names = {"deploy"},
         .has_status = true,
         .has_scale = true,
         .categories = {"all"}},
        {.group = "apps",
         .version = "v1",
         .kind = "ReplicaSet",
         .plural = "replicasets",
         .singular = "replicaset",
         .short_names = {"rs"},
         .has_status = true,
         .has_scale = true,
         .categories = {"all"}},
    };
}

std::vector<ResourceType> batch_types() {
    return {
        {.group = "batch",
         .version = "v1",
         .kind = "Job",
         .plural = "jobs",
         .singular = "job",
         .has_status = true,
         .categories = {"all"}},
    };
}

std::vector<ResourceType> argo_types() {
    return {
        {.group = "argoproj.io",
         .version = "v1alpha1",
         .kind = "AnalysisRun",
         .plural = "analysisruns",
         .singular = "analysisrun",
         .short_names = {"ar"},
         .has_status = true,
         .categories = {"all"}},
        {.group = "argoproj.io",
         .version = "v1alpha1",
         .kind = "AnalysisTemplate",
         .plural = "analysistemplates",
         .singular = "analysistemplate",
         .short_names = {"at"}},
        {.group = "argoproj.io",
         .version = "v1alpha1",
         .kind = "ClusterAnalysisTemplate",
         .plural = "clusteranalysistemplates",
         .singular = "clusteranalysistemplate",
         .short_names = {"cat"},
         .is_namespaced = false},
        {.group = "argoproj.io",
         .version = "v1alpha1",
         .kind = "Experiment",
         .plural = "experiments",
         .singular = "experiment",
         .short_names = {"exp"},
         .has_status = true,
         .categories = {"all"}},
        {.group = "argoproj.io",
         .version = "v1alpha1",
         .kind = "Rollout",
         .plural = "rollouts",
         .singular = "rollout",
         .short_names = {"ro"},
         .has_status = true,
         .has_scale = true,
         .categories = {"all"}},
    };
}

std::vector<ResourceType> gateway_types() {
    return {
        {.group = "gateway.networking.k8s.io",
         .version = "v1",
         .kind = "GatewayClass",
         .plural = "gatewayclasses",
         .singular = "gatewayclass",
         .short_names = {"gc"},
         .is_namespaced = false,
         .has_status = true},
        {.group = "gateway.networking.k8s.io",
         .version = "v1",
         .kind = "Gateway",
         .plural = "gateways",
         .singular = "gateway",
         .short_names = {"gtw"},
         .has_status = true},
        {.group = "gateway.networking.k8s.io",
         .version = "v1",
         .kind = "HTTPRoute",
         .plural = "httproutes",
         .singular = "httproute",
         .has_status = true},
    };
}

}  // namespace

const std::vector<ResourceType>& resource_types() {
    static const std::vector<ResourceType> all = [] {
        std::vector<ResourceType> joined;
        for (const auto& part :
             {core_types(), apps_types(), batch_types(), argo_types(), gateway_types()}) {
            joined.insert(joined.end(), part.begin(), part.end());
        }
        return joined;
    }();
    return all;
}

namespace {

bool equal_ignoring_case(std::string_view left, std::string_view right) {
    return std::ranges::equal(left, right, [](unsigned char a, unsigned char b) {
        return std::tolower(a) == std::tolower(b);
    });
}

const ResourceType& required(std::string_view group, std::string_view plural) {
    const ResourceType* type = find_type(group, plural);
    SERIN_CHECK(type != nullptr);
    return *type;
}

}  // namespace

const ResourceType* find_type(std::string_view name) {
    std::string_view group;
    const size_t dot = name.find('.');
    if (dot != std::string_view::npos) {
        group = name.substr(dot + 1);
        name = name.substr(0, dot);
    }
    for (const ResourceType& type : resource_types()) {
        if (!group.empty() && group != type.group) continue;
        const bool is_named = equal_ignoring_case(name, type.plural) ||
                              equal_ignoring_case(name, type.singular) ||
                              std::ranges::any_of(type.short_names, [&](std::string_view one) {
                                  return equal_ignoring_case(name, one);
                              });
        if (is_named) return &type;
    }
    return nullptr;
}

const ResourceType* find_type(std::string_view group, std::string_view plural) {
    for (const ResourceType& type : resource_types()) {
        if (type.group == group && type.plural == plural) return &type;
    }
    return nullptr;
}

namespace {

// Whether `written` is type.api_version(), which is asked of every object at every look.
bool is_version_of(const ResourceType& type, std::string_view written) {
    if (type.group.empty()) return written == type.version;
    if (!written.starts_with(type.group)) return false;
    written.remove_prefix(type.group.size());
    return written.starts_with('/') && written.substr(1) == type.version;
}

}  // namespace

const ResourceType* find_kind(std::string_view api_version, std::string_view kind) {
    for (const ResourceType& type : resource_types()) {
        if (type.kind == kind && is_version_of(type, api_version)) return &type;
    }
    for (const ResourceType& type : routing_types()) {
        if (type.kind == kind && is_version_of(type, api_version)) return &type;
    }
    const ResourceType& report = types::gateway_report();
    return kind == report.kind && is_version_of(report, api_version) ? &report : nullptr;
}

namespace types {

const ResourceType& rollout() {
    static const ResourceType& type = required("argoproj.io", "rollouts");
    return type;
}
const ResourceType& analysis_template() {
    static const ResourceType& type = required("argoproj.io", "analysistemplates");
    return type;
}
const ResourceType& cluster_analysis_template() {
    static const ResourceType& type = required("argoproj.io", "clusteranalysistemplates");
    return type;
}
const ResourceType& analysis_run() {
    static const ResourceType& type = required("argoproj.io", "analysisruns");
    return type;
}
const ResourceType& experiment() {
    static const ResourceType& type = required("argoproj.io", "experiments");
    return type;
}
const ResourceType& replica_set() {
    static const ResourceType& type = required("apps", "replicasets");
    return type;
}
const ResourceType& deployment() {
    static const ResourceType& type = required("apps", "deployments");
    return type;
}
const ResourceType& job() {
    static const ResourceType& type = required("batch", "jobs");
    return type;
}
const ResourceType& pod() {
    static const ResourceType& type = required("", "pods");
    return type;
}
const ResourceType& service() {
    static const ResourceType& type = required("", "services");
    return type;
}
const ResourceType& config_map() {
    static const ResourceType& type = required("", "configmaps");
    return type;
}
const ResourceType& secret() {
    static const ResourceType& type = required("", "secrets");
    return type;
}
const ResourceType& event() {
    static const ResourceType& type = required("", "events");
    return type;
}
const ResourceType& name_space() {
    static const ResourceType& type = required("", "namespaces");
    return type;
}
const ResourceType& gateway_class() {
    static const ResourceType& type = required("gateway.networking.k8s.io", "gatewayclasses");
    return type;
}
const ResourceType& gateway() {
    static const ResourceType& type = required("gateway.networking.k8s.io", "gateways");
    return type;
}
const ResourceType& http_route() {
    static const ResourceType& type = required("gateway.networking.k8s.io", "httproutes");
    return type;
}
const ResourceType& gateway_report() {
    static const ResourceType type{
        .group = "serin.dev",
        .version = "v1alpha1",
        .kind = "GatewayReport",
        .plural = "gatewayreports",
        .singular = "gatewayreport"};
    return type;
}

}  // namespace types

}  // namespace serin
