#include "ports/observed.h"

#include <algorithm>
#include <array>

namespace serin {

namespace {

constexpr std::size_t headers_max = 4;
constexpr std::size_t name_size_max = 40;

// Parts of names whose values open doors.
constexpr std::array<std::string_view, 9> secret_parts{
    "auth", "cookie", "token", "secret", "password", "api-key", "apikey", "session", "credential"};

// What may stand unquoted in a configuration, which every header name of real life may.
bool is_name(std::string_view text) {
    const auto is_fine = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_';
    };
    return !text.empty() && text.size() <= name_size_max && std::ranges::all_of(text, is_fine);
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return out;
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

std::string bad_name(std::string_view name) {
    return "'" + std::string(name.substr(0, name_size_max)) +
           "' is not a name of letters, digits, '-' and '_', at most 40";
}

// Empty: the name is fine.
std::string refusal(std::string_view name) {
    if (!is_name(name)) return bad_name(name);
    const std::string plain = lower(name);
    const bool is_secret = std::ranges::any_of(
        secret_parts, [&](std::string_view part) { return plain.contains(part); });
    if (!is_secret) return "";
    return "'" + plain +
           "' may carry a secret, which must not be recorded; a user's identity is named in "
           "serin.dev/observe-user, which keeps only a keyed hash";
}

void read_names(
    const Object& route,
    std::string_view annotation,
    std::vector<std::string>& into,
    std::vector<ObservedProblem>& problems) {
    const auto written = route.annotation(annotation);
    if (!written) return;
    std::string_view rest = *written;
    while (!trim(rest).empty()) {
        const std::size_t comma = std::min(rest.find(','), rest.size());
        const std::string_view name = trim(rest.substr(0, comma));
        rest.remove_prefix(std::min(comma + 1, rest.size()));
        if (std::string why = refusal(name); !why.empty()) {
            problems.push_back({annotation, std::move(why)});
        } else if (std::string plain = lower(name); std::ranges::find(into, plain) == into.end()) {
            into.push_back(std::move(plain));
        }
    }
    if (into.size() <= headers_max) return;
    into.resize(headers_max);
    problems.push_back({annotation, "names more than four headers"});
}

}  // namespace

ObservedRead read_observed(const Object& route) {
    ObservedRead read;
    Observed& observed = read.observed;
    if (const auto written = route.annotation(observe_user)) {
        const std::string_view text = trim(*written);
        const std::size_t space = std::min(text.find(' '), text.size());
        const std::string_view place = text.substr(0, space);
        const std::string_view name = trim(text.substr(space));
        if (place != "header" && place != "cookie") {
            read.problems.push_back(
                {observe_user,
                 "expected \"header NAME\" or \"cookie NAME\", not '" +
                     std::string(text.substr(0, name_size_max)) + "'"});
        } else if (!is_name(name)) {
            read.problems.push_back({observe_user, bad_name(name)});
        } else {
            observed.user_in =
                place == "header" ? Observed::UserIn::header : Observed::UserIn::cookie;
            observed.user = observed.user_in == Observed::UserIn::header ? lower(name) : name;
        }
    }
    read_names(route, observe_request_headers, observed.request_headers, read.problems);
    read_names(route, observe_response_headers, observed.response_headers, read.problems);
    return read;
}

}  // namespace serin
