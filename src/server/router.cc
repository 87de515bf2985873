#include "server/router.h"

#include <algorithm>
#include <utility>

namespace serin::server {

namespace {

bool is_pattern(const Route& route) {
    return route.path.ends_with("/*");
}

bool covers(const Route& route, std::string_view path) {
    if (!is_pattern(route)) return route.path == path;
    const std::string_view folder(route.path.data(), route.path.size() - 1);
    return path.starts_with(folder);
}

// The longer a pattern, the more particular; a whole path is more so than any.
std::pair<bool, size_t> rank(const Route& route) {
    return {!is_pattern(route), route.path.size()};
}

}  // namespace

void Router::add(Route route) {
    const auto place =
        std::ranges::find_if(routes_, [&](const Route& one) { return rank(one) < rank(route); });
    routes_.insert(place, std::move(route));
}

Router::Match Router::find(std::string_view method, std::string_view path) const {
    Match match;
    const std::string_view wanted = method == "HEAD" ? "GET" : method;
    for (const Route& route : routes_) {
        if (!covers(route, path)) continue;
        if (route.method == wanted || route.method == "*") return {.route = &route};
        match.has_other_methods = true;
    }
    return match;
}

}  // namespace serin::server
