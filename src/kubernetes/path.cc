#include "kubernetes/path.h"

#include <fmt/format.h>

namespace serin::kubernetes {

namespace {

std::string escaped(std::string_view text) {
    constexpr std::string_view plain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~";
    std::string out;
    for (const char c : text) {
        if (plain.contains(c)) {
            out += c;
        } else {
            out += fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
        }
    }
    return out;
}

}  // namespace

std::string collection_path(const ResourceType& type, std::string_view ns) {
    const std::string root = type.group.empty()
                                 ? fmt::format("/api/{}", type.version)
                                 : fmt::format("/apis/{}/{}", type.group, type.version);
    if (ns.empty() || !type.is_namespaced) return fmt::format("{}/{}", root, type.plural);
    return fmt::format("{}/namespaces/{}/{}", root, escaped(ns), type.plural);
}

std::string object_path(const ObjectKey& key) {
    return fmt::format("{}/{}", collection_path(*key.type, key.ns), escaped(key.name));
}

std::string query_text(const std::vector<std::pair<std::string_view, std::string>>& parameters) {
    std::string text;
    for (const auto& [name, value] : parameters) {
        if (value.empty()) continue;
        text += fmt::format("{}{}={}", text.empty() ? "?" : "&", name, escaped(value));
    }
    return text;
}

}  // namespace serin::kubernetes
