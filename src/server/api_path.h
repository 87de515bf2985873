#pragma once

#include "ports/object.h"

#include <optional>
#include <string>
#include <string_view>

namespace serin::server {

// What a URL of the resource API names: "/apis/apps/v1/namespaces/default/replicasets/x/scale".
struct ApiPath {
    const ResourceType* type = nullptr;
    std::string ns;           // Empty: cluster-scoped, or all namespaces of a collection.
    std::string name;         // Empty: the collection.
    std::string subresource;  // "status", "scale", "log", "eviction".
};

// Empty for a path that names no type of ours (and for one with a name but no namespace where the
// type needs one).
std::optional<ApiPath> parse_api_path(std::string_view path);

}  // namespace serin::server
