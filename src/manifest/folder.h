#pragma once

#include "base/diagnostic.h"
#include "base/document.h"
#include "manifest/references.h"

#include <string>
#include <string_view>
#include <vector>

// Manifests as they lie on disk: the only part of this layer that reads files.

namespace serin::manifest {

struct Manifests {
    std::vector<Document> documents;  // One an object, in the order of files and text.
    std::vector<Diagnostic> diagnostics;
};

// Reads and judges each of `paths`: a file of any name, or a folder with all *.yaml, *.yml and
// *.json below it, by name. Left out in a folder: what begins with a dot, and the folder `images`
// right below it, which holds releases. Lists are taken apart. Objects without a namespace get
// `ns`. What is wrong with any of them is in `diagnostics`: files that cannot be read, syntax,
// unknown kinds and fields, and an object that is there twice.
Manifests load_manifests(const std::vector<std::string>& paths, std::string_view ns);

// The same for a text, as from standard input. `label` stands for the file in diagnostics.
Manifests read_manifests(std::string_view text, std::string_view label, std::string_view ns);

// What the documents name, looked up among themselves and then by `elsewhere`.
std::vector<Diagnostic> check_references(const Manifests& manifests, const Lookup& elsewhere);

// The document's object. REQUIRES: it is free of errors.
Object object_of(const Document& document);

}  // namespace serin::manifest
