#include "ports/routing_types.h"

#include "base/check.h"

#include <algorithm>

namespace serin {

const std::vector<ResourceType>& routing_types() {
    static const std::vector<ResourceType> all{
        {.group = "networking.k8s.io",
         .version = "v1",
         .kind = "Ingress",
         .plural = "ingresses",
         .singular = "ingress",
         .short_names = {"ing"},
         .has_status = true},
        // Istio serves v1beta1 and v1 too, and converts: the oldest one is in all installations.
        {.group = "networking.istio.io",
         .version = "v1alpha3",
         .kind = "VirtualService",
         .plural = "virtualservices",
         .singular = "virtualservice",
         .short_names = {"vs"},
         .has_status = true},
        {.group = "networking.istio.io",
         .version = "v1alpha3",
         .kind = "DestinationRule",
         .plural = "destinationrules",
         .singular = "destinationrule",
         .short_names = {"dr"},
         .has_status = true},
        {.group = "traefik.io",
         .version = "v1alpha1",
         .kind = "TraefikService",
         .plural = "traefikservices",
         .singular = "traefikservice"},
        // The first version with numbers as weights.
        {.group = "split.smi-spec.io",
         .version = "v1alpha2",
         .kind = "TrafficSplit",
         .plural = "trafficsplits",
         .singular = "trafficsplit",
         .short_names = {"ts"}},
        {.group = "apisix.apache.org",
         .version = "v2",
         .kind = "ApisixRoute",
         .plural = "apisixroutes",
         .singular = "apisixroute",
         .short_names = {"ar"},
         .has_status = true},
        // Emissary as it is installed today serves the first one alone, older ones both.
        {.group = "getambassador.io",
         .version = "v3alpha1",
         .kind = "Mapping",
         .plural = "mappings",
         .singular = "mapping",
         .has_status = true},
        {.group = "getambassador.io",
         .version = "v2",
         .kind = "Mapping",
         .plural = "mappings",
         .singular = "mapping",
         .has_status = true},
        {.group = "gateway.networking.k8s.io",
         .version = "v1",
         .kind = "GRPCRoute",
         .plural = "grpcroutes",
         .singular = "grpcroute",
         .has_status = true},
    };
    return all;
}

const ResourceType& routing_type(std::string_view kind) {
    const auto found = std::ranges::find(routing_types(), kind, &ResourceType::kind);
    SERIN_CHECK(found != routing_types().end());
    return *found;
}

std::vector<const ResourceType*> routing_versions(std::string_view kind) {
    std::vector<const ResourceType*> versions;
    for (const ResourceType& type : routing_types()) {
        if (type.kind == kind) versions.push_back(&type);
    }
    return versions;
}

}  // namespace serin
