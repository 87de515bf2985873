#include "base/diagnostic.h"

#include <fmt/format.h>

#include <algorithm>

namespace serin {

std::string to_string(const Diagnostic& diagnostic) {
    std::string text;
    if (!diagnostic.file.empty()) text += diagnostic.file + ":";
    if (diagnostic.line > 0) text += fmt::format("{}:{}:", diagnostic.line, diagnostic.column);
    if (!text.empty()) text += " ";
    if (diagnostic.severity == Severity::warning) text += "warning: ";
    if (!diagnostic.path.empty()) text += diagnostic.path + ": ";
    text += diagnostic.message;
    if (!diagnostic.suggestion.empty()) text += fmt::format(" ({})", diagnostic.suggestion);
    return text;
}

bool has_errors(const std::vector<Diagnostic>& diagnostics) {
    return std::ranges::any_of(
        diagnostics, [](const Diagnostic& one) { return one.severity == Severity::error; });
}

}  // namespace serin
