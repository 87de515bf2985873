#pragma once

#include "ports/object.h"

namespace serin::manifest {

// Fills in what an API server writes where a field is left out (protocols, weights, matches,
// probes' timing), and turns a Secret's stringData into data. Doing it twice changes nothing more.
// Pod templates stay as they are written: a revision is told by its template. Fields of wrong types
// stay too.
void apply_defaults(Object& object);

}  // namespace serin::manifest
