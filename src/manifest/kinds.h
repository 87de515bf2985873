#pragma once

#include "manifest/findings.h"
#include "ports/object.h"

namespace serin::manifest {

// Says why the object's apiVersion and kind are none that Serin serves: missing, misspelt, of
// another version, or of a kind that only a cluster has. REQUIRES: `object.type()` is null.
void check_kind(const Object& object, Findings& findings);

}  // namespace serin::manifest
