#pragma once

#include "manifest/findings.h"
#include "manifest/schema.h"

namespace serin::manifest {

// Holds the object against its table: unknown, missing and wrongly typed fields, values out of
// range or of the wrong syntax, and fields without effect as warnings.
void check_shape(const Record& record, Findings& findings);

}  // namespace serin::manifest
