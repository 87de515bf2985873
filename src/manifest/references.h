#pragma once

#include "base/diagnostic.h"
#include "base/document.h"
#include "ports/object.h"

#include <functional>
#include <optional>
#include <vector>

// Whether the other objects that an object names are there and fit. A folder is refused when they
// do not; a single object that comes over HTTP is not, because what it names may follow.

namespace serin::manifest {

// An object of the store; empty when there is none.
using Lookup = std::function<std::optional<Object>(const ObjectKey&)>;

// What the documents name is looked for among themselves and then by `elsewhere`. Documents that
// `validate` finds errors in are best left out, but do no harm.
// REQUIRES: namespaces are set, as `read_folders` does.
std::vector<Diagnostic> check_references(
    const std::vector<Document>& documents, const Lookup& elsewhere);

}  // namespace serin::manifest
