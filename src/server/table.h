#pragma once

#include "ports/object.h"

#include <string_view>
#include <vector>

namespace serin::server {

// Which part of each object a Table carries beside its cells.
enum class Included { none, metadata, object };

// The list as kubectl prints it: a meta.k8s.io Table with the columns people know for the type.
// Ages are those at `now`.
json::Object make_table(
    const ResourceType& type,
    const std::vector<Object>& objects,
    Instant now,
    Included included,
    std::string_view table_version);

// The object as PartialObjectMetadata of meta.k8s.io/v1.
json::Object partial_metadata(const Object& object);

}  // namespace serin::server
