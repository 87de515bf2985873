#pragma once

#include "ports/object.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace serin::kubernetes {

// "/apis/apps/v1/namespaces/default/replicasets", or of all namespaces.
std::string collection_path(const ResourceType& type, std::string_view ns);
std::string object_path(const ObjectKey& key);

// "?a=1&b=x%3Dy", without those that are empty; empty for none.
std::string query_text(const std::vector<std::pair<std::string_view, std::string>>& parameters);

}  // namespace serin::kubernetes
