#pragma once

#include "base/result.h"
#include "ports/object.h"

#include <string_view>

// The syntax of names, labels and other metadata, with Kubernetes' limits and words.

namespace serin::store {

// Checks name and namespace for the type, labels, annotations, finalizers and owner references.
// Fails with `invalid`, naming the field.
Result<> check_metadata(const ResourceType& type, const Object& object);

bool is_dns_label(std::string_view text);      // At most 63 of [a-z0-9-], ends alphanumeric.
bool is_dns_subdomain(std::string_view text);  // Labels joined by dots, at most 253 in all.

}  // namespace serin::store
