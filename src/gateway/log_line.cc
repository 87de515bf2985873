#include "gateway/log_line.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cstring>

namespace serin::gateway {
namespace {

enum Column : std::size_t {
    tag,
    count,
    frontend,
    rule,
    backend,
    server,
    status,
    took,
    ended,
    state,
    tries,
    id,
    method,
    path,
    columns
};

template <class T>
bool parse_number(std::string_view text, T& into) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
    return error == std::errc() && end == text.data() + text.size();
}

bool split(std::string_view line, std::array<std::string_view, columns>& fields) {
    for (std::size_t i = 0; i < path; ++i) {
        const void* tab = std::memchr(line.data(), '\t', line.size());
        if (tab == nullptr) return false;
        const auto length = static_cast<std::size_t>(static_cast<const char*>(tab) - line.data());
        fields[i] = line.substr(0, length);
        line.remove_prefix(length + 1);
    }
    fields[path] = line;
    return true;
}

// "default/shop/0" -> "default", "shop".
bool read_rule(std::string_view text, RequestOutcome& into) {
    const std::size_t first = text.find('/');
    const std::size_t last = text.rfind('/');
    if (first == std::string_view::npos || first == last) return false;
    into.ns = text.substr(0, first);
    into.route = text.substr(first + 1, last - first - 1);
    return true;
}

// "default.shop-stable.80", "6b7f:shop-x7k2p"; "<NOSRV>" when none was chosen.
void read_server(std::string_view backend, std::string_view server, RequestOutcome& into) {
    const std::size_t first = backend.find('.');
    const std::size_t last = backend.rfind('.');
    if (first != std::string_view::npos && first != last) {
        into.service = backend.substr(first + 1, last - first - 1);
    }
    const std::size_t colon = server.find(':');
    if (colon == std::string_view::npos) return;
    into.revision = server.substr(0, colon);
    into.pod = server.substr(colon + 1);
}

// Who ended the session, and in which phase; "----" when nobody did anything unusual.
void read_state(std::string_view state, RequestOutcome& into) {
    const char who = state[0];
    const char phase = state[1];
    if (into.status < 0 || who == 'C' || who == 'c') into.status = 0;
    // A redirect ("LR") is what its author asked for.
    const bool is_redirect = who == 'L' && into.status >= 300 && into.status < 400;
    const bool had_response = phase == 'D' || phase == 'L' || state.starts_with("--");
    into.is_lost = into.status != 0 && !is_redirect && (into.pod.empty() || !had_response);
}

}  // namespace

std::string log_format() {
    return R"("E1\t%lc\t%f\t%[var(txn.rule)]\t%b\t%s\t%ST\t%[date(0,us),sub(txn.t0)])"
           R"(\t%[date(0,us)]\t%tsc\t%rc\t%ID\t%HM\t%HPO")";
}

bool parse_log_line(std::string_view line, LogLine& into) {
    std::array<std::string_view, columns> fields;
    if (!split(line, fields) || fields[tag] != "E1") return false;
    into = {};
    if (!parse_number(fields[count], into.count)) return false;
    into.frontend = fields[frontend];

    RequestOutcome& outcome = into.outcome;
    std::int64_t ended_us = 0;
    if (fields[state].size() < 2 || !parse_number(fields[status], outcome.status) ||
        !parse_number(fields[took], outcome.latency_us) || !parse_number(fields[ended], ended_us) ||
        !read_rule(fields[rule], outcome)) {
        outcome = {};
        return true;
    }
    outcome.at = Instant(std::chrono::floor<Duration>(std::chrono::microseconds(ended_us)));
    read_server(fields[backend], fields[server], outcome);
    read_state(fields[state], outcome);
    outcome.is_retried = fields[tries] != "0";
    outcome.request_id = fields[id];
    outcome.method = fields[method];
    outcome.path = fields[path];
    into.has_route = true;
    return true;
}

}  // namespace serin::gateway
