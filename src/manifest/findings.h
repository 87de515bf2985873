#pragma once

#include "base/diagnostic.h"
#include "base/document.h"
#include "base/json.h"

#include <string>
#include <string_view>
#include <vector>

namespace serin::manifest {

// Collects what is wrong with one object. Places are JSON pointers; people are told the path as
// they write it and, where the text is at hand, file, line and column.
class Findings {
public:
    // `document` may be null. Both outlive this.
    Findings(const json::Object& root, const Document* document)
        : root_(root), document_(document) {}

    // A pointer to something missing has the place of what should hold it.
    void error(std::string_view pointer, std::string message, std::string suggestion = {});
    void warn(std::string_view pointer, std::string message, std::string suggestion = {});
    // Takes a diagnostic that has a path and no place yet.
    void add(Diagnostic diagnostic);

    const json::Object& root() const { return root_; }
    bool has_errors() const { return serin::has_errors(found_); }
    // In the order of the text.
    std::vector<Diagnostic> take();

private:
    void report(
        Severity severity, std::string_view pointer, std::string message, std::string suggestion);

    const json::Object& root_;
    const Document* document_;
    std::vector<Diagnostic> found_;
};

// "/spec/steps/2/setWeight" as people write it: "spec.steps[2].setWeight".
std::string path_of(const json::Object& root, std::string_view pointer);
// The reverse.
std::string pointer_of(std::string_view path);

}  // namespace serin::manifest
