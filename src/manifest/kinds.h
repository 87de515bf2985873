#pragma once

#include "manifest/findings.h"
#include "ports/object.h"

namespace serin::manifest {

// Says why the object's apiVersion and kind are none that Serin serves: missing, misspelt, of
// another version, or of a kind that only a cluster has. Kinds without which a release is the same
// (a NetworkPolicy, say) are a warning: they are left out. REQUIRES: `object.type()` is null.
void check_kind(const Object& object, Findings& findings);

}  // namespace serin::manifest
