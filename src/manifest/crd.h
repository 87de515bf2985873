#pragma once

#include "base/json.h"
#include "ports/object.h"

#include <vector>

// CustomResourceDefinitions of the kinds that Serin serves on a cluster, made from the same table
// (schema.h) that judges manifests everywhere else. So a cluster's API refuses what the table
// refuses, as far as a structural schema can say it; what it cannot say is judged by the
// controller.
//
// Inside pod specifications the schema is lenient: a cluster knows fields that this table does not,
// and a field that is not in the schema would silently be dropped from the pods. Only the types of
// known fields are checked there.

namespace serin::manifest {

// The types that a cluster needs a definition for.
std::vector<const ResourceType*> custom_types();

// The definition, of apiextensions.k8s.io/v1. REQUIRES: `type` is one of custom_types().
json::Object crd_of(const ResourceType& type);

}  // namespace serin::manifest
