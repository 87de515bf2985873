#pragma once

#include "base/diagnostic.h"
#include "base/json.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

// A document that a person wrote, as a JSON value that still knows where each part stood.

namespace serin {

struct Mark {
    int line = 0;  // From 1.
    int column = 0;
};

struct Document {
    std::string file;
    json::Value root;
    // JSON pointer -> where the value (for members: its key) begins. "" is the root.
    std::map<std::string, Mark> marks;

    // The mark of the pointer, or of its nearest ancestor that has one.
    Mark mark(std::string_view pointer) const;
};

struct DocumentsRead {
    std::vector<Document> documents;      // Empty documents are left out.
    std::vector<Diagnostic> diagnostics;  // Syntax errors, duplicate keys, unsupported tags.
};

// Reads a stream of YAML documents (JSON is YAML) by the YAML 1.1 core rules Kubernetes uses:
// plain scalars become null, booleans (true/false only, "yes" and "on" are strings with a
// warning), integers, floats or strings; anchors, aliases and merge keys ("<<") are expanded up to
// 10 MiB; duplicate keys are errors. Never throws; `file` only labels the diagnostics.
DocumentsRead read_documents(std::string_view text, std::string_view file);

}  // namespace serin
