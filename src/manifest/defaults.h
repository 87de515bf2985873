#pragma once

#include "ports/object.h"

namespace serin::manifest {

// Fills in what an API server writes where a field is left out (protocols, probes' timing), and
// turns a Secret's stringData into data. Doing it twice changes nothing more. Fields of wrong types
// stay as they are, and so do
// - pod templates, because a revision is told by its template, and
// - routes and Gateways: kubectl replaces their lists whole, so that a default inside would make
//   every `kubectl apply` of an unchanged manifest a change.
void apply_defaults(Object& object);

}  // namespace serin::manifest
