#pragma once

#include "base/diagnostic.h"
#include "base/document.h"
#include "ports/object.h"

#include <vector>

// Judges one object by itself: its kind, its fields and the rules between them. Everything that is
// wrong is said at once; warnings are about what is accepted without effect. Nothing is read from
// elsewhere, so names of other objects are not followed (see references.h).

namespace serin::manifest {

// With file, line and column of each place.
std::vector<Diagnostic> validate(const Document& document);

// The same without places in a text.
std::vector<Diagnostic> validate(const Object& object);

}  // namespace serin::manifest
