#pragma once

#include "base/diagnostic.h"
#include "base/document.h"
#include "ports/object.h"

#include <functional>
#include <vector>

// Whether the other objects that an object names are there and fit. A folder is refused when they
// do not; a single object that comes over HTTP is not, because what it names may follow.

namespace serin::manifest {

// The object, from the same folder or the store; null when there is none. The pointer is used
// before the next call.
using Lookup = std::function<const Object*(const ObjectKey&)>;

// REQUIRES: the document is free of errors by `validate`, and its namespace is set.
std::vector<Diagnostic> check_references(const Document& document, const Lookup& lookup);

}  // namespace serin::manifest
