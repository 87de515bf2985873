#include "kubernetes/path.h"

#include "net/http_message.h"

#include <fmt/format.h>

namespace serin::kubernetes {

std::string collection_path(const ResourceType& type, std::string_view ns) {
    const std::string root = type.group.empty()
                                 ? fmt::format("/api/{}", type.version)
                                 : fmt::format("/apis/{}/{}", type.group, type.version);
    if (ns.empty() || !type.is_namespaced) return fmt::format("{}/{}", root, type.plural);
    return fmt::format("{}/namespaces/{}/{}", root, net::percent_encode(ns), type.plural);
}

std::string object_path(const ObjectKey& key) {
    return fmt::format("{}/{}", collection_path(*key.type, key.ns), net::percent_encode(key.name));
}

std::string query_text(const std::vector<std::pair<std::string_view, std::string>>& parameters) {
    std::string text;
    for (const auto& [name, value] : parameters) {
        if (value.empty()) continue;
        text += fmt::format("{}{}={}", text.empty() ? "?" : "&", name, net::percent_encode(value));
    }
    return text;
}

}  // namespace serin::kubernetes
