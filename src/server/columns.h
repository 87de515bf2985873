#pragma once

#include "ports/object.h"

#include <functional>
#include <string_view>
#include <vector>

namespace serin::server {

// One column of a type's table.
struct Column {
    std::string_view name;  // As Kubernetes spells it; kubectl prints it in capitals.
    std::string_view type = "string";
    int priority = 0;  // Above 0: only with -o wide.
    std::function<json::Value(const Object&, Instant now)> cell;
};

// The first column is the name.
const std::vector<Column>& columns_of(const ResourceType& type);

}  // namespace serin::server
