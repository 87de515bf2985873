#include "manifest/argo/fields.h"

#include <charconv>
#include <limits>
#include <utility>

namespace serin::argo {

void Fields::error(std::string path, std::string_view message, std::string suggestion) {
    Diagnostic diagnostic;
    diagnostic.path = std::move(path);
    diagnostic.message = message;
    diagnostic.suggestion = std::move(suggestion);
    diagnostics_.push_back(std::move(diagnostic));
}

void Fields::allow(
    const json::Object& object,
    const std::string& path,
    std::initializer_list<std::string_view> names) {
    for (const auto& member : object) {
        const std::string_view key(member.key().data(), member.key().size());
        bool is_known = false;
        for (const std::string_view name : names) is_known = is_known || name == key;
        if (!is_known && !member.value().is_null()) {
            error(path + "." + std::string(key), not_supported);
        }
    }
}

int Fields::integer(
    const json::Object& object,
    std::string_view name,
    const std::string& path,
    int otherwise,
    int least) {
    const json::Value* value = object.if_contains(name);
    if (!value || value->is_null()) return otherwise;
    const auto number = json::integer(value);
    if (!number || *number < least || *number > std::numeric_limits<int>::max()) {
        error(
            path + "." + std::string(name),
            "expected an integer of at least " + std::to_string(least));
        return otherwise;
    }
    return static_cast<int>(*number);
}

std::optional<int> Fields::optional_integer(
    const json::Object& object, std::string_view name, const std::string& path) {
    const json::Value* value = object.if_contains(name);
    if (!value || value->is_null()) return std::nullopt;
    return integer(object, name, path, 0);
}

std::string Fields::text(const json::Object& object, std::string_view name) {
    return std::string(json::text(object.if_contains(name)).value_or(""));
}

const json::Object* Fields::object_at(const json::Object& parent, std::string_view name) {
    return json::object(parent.if_contains(name));
}

Amount Fields::amount(const json::Object& object, std::string_view name, const std::string& path) {
    const json::Value* value = object.if_contains(name);
    if (!value || value->is_null()) return {25, true};
    if (json::integer(value)) return {integer(object, name, path, 0), false};
    std::string_view text = json::text(value).value_or("");
    // Any text is a percentage, with or without the sign.
    if (text.ends_with('%')) text.remove_suffix(1);
    int percent = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), percent);
    if (failure != std::errc() || end != text.data() + text.size() || percent < 0) {
        error(path + "." + std::string(name), "expected a number or a percentage");
    }
    return {percent, true};
}

}  // namespace serin::argo
