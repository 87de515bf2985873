#pragma once

#include "base/diagnostic.h"
#include "base/document.h"

#include <string>
#include <string_view>
#include <vector>

// Manifests as they lie on disk: the only part of this layer that reads files.

namespace serin::manifest {

struct FolderRead {
    std::vector<Document> documents;  // One an object, in the order of files and text.
    std::vector<Diagnostic> diagnostics;
};

// Reads and judges each of `paths`: a file of any name, or a folder with all *.yaml, *.yml and
// *.json below it, by name. Left out in a folder: what begins with a dot, and the folder `images`
// right below it, which holds releases. "-" is standard input. Lists are taken apart. Objects
// without a namespace get `ns`. What is wrong with any of them is in `diagnostics`: files that
// cannot be read, syntax, unknown kinds and fields, and an object that is there twice. Documents
// whose `Object::type()` is null are of no use but to judge them by; those that are no error are
// left out of a release.
FolderRead read_folders(const std::vector<std::string>& paths, std::string_view ns);

}  // namespace serin::manifest
