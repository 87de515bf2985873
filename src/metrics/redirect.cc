#include "metrics/redirect.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string_view>

namespace serin::metrics {

namespace {

// "https://user:password@host:8443/path?query"
struct Url {
    std::string scheme;
    std::string user;  // With the password, as it is written.
    std::string host;  // In lower case.
    std::string port;  // Also the one that goes without saying.
    std::string path;
    std::string query;  // With its mark.

    bool is_origin_of(const Url& other) const { return host == other.host && port == other.port; }
    std::string shown() const { return fmt::format("{}://{}:{}{}", scheme, host, port, path); }
};

std::string lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), [](unsigned char letter) {
        return static_cast<char>(std::tolower(letter));
    });
    return out;
}

std::optional<Url> parse_url(std::string_view text) {
    text = text.substr(0, text.find('#'));
    Url url;
    const auto mark = text.find("://");
    if (mark == std::string_view::npos) return std::nullopt;
    url.scheme = lower(text.substr(0, mark));
    if (url.scheme != "http" && url.scheme != "https") return std::nullopt;
    text.remove_prefix(mark + 3);
    const auto question = std::min(text.find('?'), text.size());
    url.query = text.substr(question);
    text = text.substr(0, question);
    const auto slash = std::min(text.find('/'), text.size());
    url.path = slash == text.size() ? "/" : text.substr(slash);
    std::string_view authority = text.substr(0, slash);
    if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
        url.user = authority.substr(0, at);
        authority.remove_prefix(at + 1);
    }
    const auto bracket = authority.rfind(']');
    const auto colon = authority.rfind(':');
    const bool has_port =
        colon != std::string_view::npos && (bracket == std::string_view::npos || bracket < colon);
    url.host = lower(authority.substr(0, has_port ? colon : authority.size()));
    if (has_port) url.port = authority.substr(colon + 1);
    if (url.port.empty()) url.port = url.scheme == "https" ? "443" : "80";
    if (url.host.empty()) return std::nullopt;
    return url;
}

// What a location means that the server at `base` has told.
std::string absolute(const std::string& base, std::string_view location) {
    if (location.find("://") < location.find_first_of("/?#")) return std::string(location);
    const auto authority = base.find("://") + 3;
    if (location.starts_with("//")) return base.substr(0, authority - 2) + std::string(location);
    const auto path = std::min(base.find_first_of("/?#", authority), base.size());
    if (location.starts_with("/")) return base.substr(0, path) + std::string(location);
    const std::string whole = base.substr(0, std::min(base.find_first_of("?#"), base.size()));
    if (location.starts_with("?")) return whole + std::string(location);
    const auto last = whole.rfind('/');
    const bool has_path = last != std::string::npos && last >= path;
    return (has_path ? whole.substr(0, last + 1) : base.substr(0, path) + "/") +
           std::string(location);
}

bool is_redirect(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace

Result<std::optional<std::string>> redirect_of(
    const HttpRequest& request, const HttpResponse& response) {
    if (!is_redirect(response.status)) return std::nullopt;
    const auto location = std::ranges::find(
        response.headers, "location", &std::pair<std::string, std::string>::first);
    if (location == response.headers.end() || location->second.empty()) return std::nullopt;

    const auto refuse = [&](std::string_view where, std::string_view why) {
        return fail(
            ErrorKind::invalid,
            fmt::format(
                "received non 2xx response code: {}: redirected to {}, which is not followed: {}",
                response.status,
                where,
                why));
    };
    std::string next = absolute(request.url, location->second);
    const auto from = parse_url(request.url);
    const auto to = parse_url(next);
    if (!from || !to) return refuse("another place", "it is no URL of HTTP");
    const bool is_repeated = response.status == 307 || response.status == 308;
    if (request.method != "GET" && !is_repeated)
        return refuse(to->shown(), "the question has a body; ask for that address");

    const bool is_secured = from->scheme == "http" && to->scheme == "https" && from->port == "80" &&
                            to->port == "443" && from->host == to->host;
    const bool is_same = from->is_origin_of(*to) && from->scheme == to->scheme;
    const bool is_bare = request.headers.empty() && request.body.empty() && from->user.empty();
    if (!is_same && !is_secured && !is_bare)
        return refuse(to->shown(), "what is asked here is not for another host");
    return next;
}

}  // namespace serin::metrics
