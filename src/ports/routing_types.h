#pragma once

#include "ports/object.h"

#include <string_view>
#include <vector>

namespace serin {

// Kinds of routing objects that ingress controllers and meshes of clusters read, each in the
// versions that may be written, the newest first. find_kind() knows them, so that stores can hold
// them; they are none of resource_types(): one machine serves them to nobody.
const std::vector<ResourceType>& routing_types();

// Its newest version. REQUIRES: `kind` is that of one of routing_types().
const ResourceType& routing_type(std::string_view kind);

// The newest first: one of several that the cluster may lack.
std::vector<const ResourceType*> routing_versions(std::string_view kind);

}  // namespace serin
