#include "server/api_path.h"

#include <algorithm>
#include <vector>

namespace serin::server {

namespace {

std::vector<std::string_view> segments_of(std::string_view path) {
    std::vector<std::string_view> segments;
    while (!path.empty()) {
        const size_t end = std::min(path.find('/'), path.size());
        if (end > 0) segments.push_back(path.substr(0, end));
        path.remove_prefix(std::min(end + 1, path.size()));
    }
    return segments;
}

const ResourceType* served(
    std::string_view group, std::string_view version, std::string_view plural) {
    const ResourceType* type = find_type(group, plural);
    return type != nullptr && type->version == version ? type : nullptr;
}

}  // namespace

std::optional<ApiPath> parse_api_path(std::string_view path) {
    const std::vector<std::string_view> all = segments_of(path);
    size_t at = 0;
    const auto next = [&]() { return at < all.size() ? all[at++] : std::string_view(); };

    const std::string_view root = next();
    if (root != "api" && root != "apis") return std::nullopt;
    const std::string_view group = root == "apis" ? next() : std::string_view();
    if (root == "apis" && group.empty()) return std::nullopt;
    const std::string_view version = next();

    ApiPath found;
    std::string_view plural = next();
    // "/namespaces/x" and "/namespaces/x/status" are the namespace itself, longer paths lie in it.
    const bool is_within = plural == "namespaces" && all.size() - at >= 2 &&
                           !(group.empty() && all.size() - at == 2 && (all[at + 1] == "status"));
    if (is_within) {
        found.ns = next();
        plural = next();
    }
    found.type = served(group, version, plural);
    if (found.type == nullptr) return std::nullopt;
    found.name = next();
    found.subresource = next();
    if (at < all.size()) return std::nullopt;

    if (!found.ns.empty() && !found.type->is_namespaced) return std::nullopt;
    if (found.ns.empty() && found.type->is_namespaced && !found.name.empty()) return std::nullopt;
    return found;
}

}  // namespace serin::server
