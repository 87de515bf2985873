#include "gateway/log_line.h"

#include "gateway/rescue.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cstring>
#include <optional>

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

// Between `id` and `method`, in records of the second kind.
enum ObservedColumn : std::size_t { user, asked, answered, observed_columns };
using ObservedFields = std::array<std::string_view, observed_columns>;

// The next field; false when there is no further one.
bool cut(std::string_view& line, std::string_view& field) {
    const void* tab = std::memchr(line.data(), '\t', line.size());
    if (tab == nullptr) return false;
    const auto length = static_cast<std::size_t>(static_cast<const char*>(tab) - line.data());
    field = line.substr(0, length);
    line.remove_prefix(length + 1);
    return true;
}

bool split(
    std::string_view line,
    std::array<std::string_view, columns>& fields,
    ObservedFields& observed) {
    for (std::size_t i = 0; i <= id; ++i) {
        if (!cut(line, fields[i])) return false;
    }
    if (fields[tag].ends_with('2')) {
        for (std::string_view& field : observed) {
            if (!cut(line, field)) return false;
        }
    }
    if (!cut(line, fields[method])) return false;
    fields[path] = line;
    return true;
}

std::optional<Writer> writer_of(std::string_view tag) {
    if (tag.size() != 2 || (tag[1] != '1' && tag[1] != '2')) return std::nullopt;
    for (const Writer writer : {Writer::listener, Writer::first, Writer::second}) {
        if (tag[0] == static_cast<char>(writer)) return writer;
    }
    return std::nullopt;
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
    // Nothing came, and the client was sent nothing: see gateway/unanswered.h.
    if (into.status < 0 && who == 'P' && !into.pod.empty()) {
        constexpr int bad_gateway = 502;
        into.status = bad_gateway;
        into.is_lost = true;
        return;
    }
    if (into.status < 0 || who == 'C' || who == 'c') into.status = 0;
    // A redirect ("LR") is what its author asked for.
    const bool is_redirect = who == 'L' && into.status >= 300 && into.status < 400;
    const bool had_response = phase == 'D' || phase == 'L' || state.starts_with("--");
    into.is_lost = into.status != 0 && !is_redirect && (into.pod.empty() || !had_response);
}

// "-" is what HAProxy writes where there is nothing.
void read_observed_fields(const ObservedFields& fields, RequestOutcome& into) {
    constexpr int hexadecimal = 16;
    const std::string_view text = fields[user];
    std::from_chars(text.data(), text.data() + text.size(), into.user, hexadecimal);
    if (fields[asked] != "-") into.request_headers = {fields[asked]};
    if (fields[answered] != "-") into.response_headers = {fields[answered]};
}

}  // namespace

std::string log_format(Writer writer, bool is_observed) {
    std::string format = "\"";
    format += static_cast<char>(writer);
    format += is_observed ? '2' : '1';
    format += R"(\t%lc\t%f\t%[var(txn.rule)]\t%b\t%s\t%ST\t%[date(0,us),sub(txn.t0)])"
              R"(\t%[date(0,us)]\t%tsc\t%rc\t%ID)";
    if (is_observed) format += R"(\t%[var(txn.user)]\t%[var(txn.asked)]\t%[var(txn.answered)])";
    // Behind a rescue the request has its new path already.
    return format +
           (writer == Writer::listener ? R"(\t%HM\t%HPO")" : R"(\t%HM\t%[var(txn.path)]")");
}

bool parse_log_line(std::string_view line, LogLine& into) {
    std::array<std::string_view, columns> fields;
    ObservedFields observed;
    if (!split(line, fields, observed)) return false;
    const std::optional<Writer> writer = writer_of(fields[tag]);
    if (!writer) return false;
    const bool is_observed = fields[tag][1] == '2';
    into = {};
    if (!parse_number(fields[count], into.count)) return false;
    into.frontend = fields[frontend];
    if (is_rescue_backend(fields[backend])) return true;

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
    outcome.is_rescue = writer == Writer::second;
    outcome.request_id = fields[id];
    outcome.method = fields[method];
    outcome.path = fields[path];
    if (is_observed) read_observed_fields(observed, outcome);
    into.has_route = true;
    return true;
}

}  // namespace serin::gateway
