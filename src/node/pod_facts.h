#pragma once

#include "ports/object.h"

#include <optional>
#include <string_view>

// What a Pod object says about itself.

namespace serin::node {

// The condition of this type as JSON, or null.
const json::Object* condition(const Object& pod, std::string_view type);
bool is_condition_true(const Object& pod, std::string_view type);

bool is_ready(const Object& pod);
// Since when the pod is ready; empty when it is not.
std::optional<Instant> ready_time(const Object& pod);

// The containers (or initContainers) of the spec.
const json::Array& containers_of(const Object& pod, std::string_view list = "containers");

}  // namespace serin::node
