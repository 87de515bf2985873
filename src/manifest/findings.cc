#include "manifest/findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace serin::manifest {

namespace {

constexpr std::size_t findings_max = 200;  // For one object; more are of no use to anybody.

std::string unescape(std::string_view token) {
    std::string out;
    for (std::size_t i = 0; i < token.size(); ++i) {
        if (token[i] == '~' && i + 1 < token.size()) {
            out += token[++i] == '1' ? '/' : '~';
        } else {
            out += token[i];
        }
    }
    return out;
}

bool needs_brackets(std::string_view key) {
    return key.empty() || key.find_first_of("./[]' ") != key.npos;
}

bool is_index(std::string_view token) {
    return !token.empty() &&
           std::ranges::all_of(token, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::string path_of(const json::Object& root, std::string_view pointer) {
    std::string path;
    std::size_t end = 0;
    const json::Value* parent = nullptr;  // Null: the root.
    while (end < pointer.size()) {
        const std::size_t start = end + 1;
        const std::string_view before = pointer.substr(0, end);
        end = std::min(pointer.find('/', start), pointer.size());
        const std::string_view token = pointer.substr(start, end - start);
        parent = before.empty() ? nullptr : json::find(root, before);
        if (json::array(parent) && is_index(token)) {
            path += fmt::format("[{}]", token);
            continue;
        }
        const std::string key = unescape(token);
        if (needs_brackets(key)) {
            path += fmt::format("['{}']", key);
        } else {
            if (!path.empty()) path += '.';
            path += key;
        }
    }
    return path;
}

std::string pointer_of(std::string_view path) {
    std::string pointer;
    while (!path.empty()) {
        if (path.starts_with('.')) path.remove_prefix(1);
        const bool is_quoted = path.starts_with("['");
        const bool is_subscript = path.starts_with('[');
        const std::size_t start = is_quoted ? 2 : is_subscript ? 1 : 0;
        const std::size_t end = is_quoted      ? path.find("']", start)
                                : is_subscript ? path.find(']', start)
                                               : path.find_first_of(".[");
        pointer += "/" + json::escape_pointer(path.substr(start, end - start));
        if (end == path.npos) break;
        path.remove_prefix(end + (is_quoted ? 2 : is_subscript ? 1 : 0));
    }
    return pointer;
}

void Findings::error(std::string_view pointer, std::string message, std::string suggestion) {
    report(Severity::error, pointer, std::move(message), std::move(suggestion));
}

void Findings::warn(std::string_view pointer, std::string message, std::string suggestion) {
    report(Severity::warning, pointer, std::move(message), std::move(suggestion));
}

void Findings::add(Diagnostic diagnostic) {
    report(
        diagnostic.severity,
        pointer_of(diagnostic.path),
        std::move(diagnostic.message),
        std::move(diagnostic.suggestion));
}

void Findings::report(
    Severity severity, std::string_view pointer, std::string message, std::string suggestion) {
    if (found_.size() >= findings_max) return;
    const Mark mark = document_ ? document_->mark(pointer) : Mark{};
    found_.push_back(
        {.severity = severity,
         .file = document_ ? document_->file : std::string(),
         .line = mark.line,
         .column = mark.column,
         .path = path_of(root_, pointer),
         .message = std::move(message),
         .suggestion = std::move(suggestion)});
}

std::vector<Diagnostic> Findings::take() {
    std::ranges::stable_sort(found_, [](const Diagnostic& left, const Diagnostic& right) {
        return std::tie(left.line, left.column) < std::tie(right.line, right.column);
    });
    return std::move(found_);
}

}  // namespace serin::manifest
