#include "metrics/shadow_trio.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace serin::metrics {

namespace {

using judge::shadow::Answer;

constexpr Duration patience{5'000};
// Of an error's body, which comes as a whole.
constexpr std::int64_t error_bytes_max = std::int64_t{8} << 20;

// Tells a pod that nobody waits for the answer.
constexpr std::string_view mark = "serin-shadow";

constexpr std::array<std::string_view, 11> of_connection{
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "expect",
    "http2-settings"};
constexpr std::array<std::string_view, 7> of_caches{
    "accept-encoding",
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-unmodified-since",
    "if-range",
    "range"};

std::string url_of(const CopyTarget& pod, const std::string& target) {
    const bool is_v6 = pod.address.contains(':');
    return fmt::format(
        "http://{}:{}{}", is_v6 ? "[" + pod.address + "]" : pod.address, pod.port, target);
}

std::string header_of(const HttpResponse& response, std::string_view name) {
    std::string value;
    for (const auto& [known, text] : response.headers)
        if (known == name) value += (value.empty() ? "" : ", ") + text;
    return value;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> passed_on(const RequestCopy& copy) {
    std::string listed;  // In the header Connection.
    for (const auto& [name, value] : copy.headers)
        if (name == "connection") listed += "," + value;
    std::ranges::transform(listed, listed.begin(), [](char c) {
        return c == ' ' || c == '\t' ? ',' : c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    });
    listed += ",";
    std::vector<std::pair<std::string, std::string>> kept;
    for (const auto& [name, value] : copy.headers) {
        const bool is_dropped = std::ranges::find(of_connection, name) != of_connection.end() ||
                                std::ranges::find(of_caches, name) != of_caches.end() ||
                                name == mark || listed.contains("," + name + ",");
        if (!is_dropped) kept.emplace_back(name, value);
    }
    return kept;
}

ShadowTrio::ShadowTrio(
    HttpClient& http,
    const std::vector<std::string>& headers,
    RequestCopy copy,
    std::mt19937_64& random,
    Done done)
    : http_(http), headers_(headers), done_(std::move(done)) {
    const auto any = [&](std::size_t count) { return random() % count; };
    const std::size_t first = any(copy.stable.size());
    std::size_t second = first;
    if (copy.stable.size() > 1)
        second = (first + 1 + any(copy.stable.size() - 1)) % copy.stable.size();
    outcome_.pods = {
        copy.candidate[any(copy.candidate.size())], copy.stable[first], copy.stable[second]};
    outcome_.request = std::move(copy);
    std::array<std::size_t, 3> order{0, 1, 2};
    std::ranges::shuffle(order, random);
    for (const std::size_t index : order) send(index);
}

void ShadowTrio::send(std::size_t index) {
    const RequestCopy& copy = outcome_.request;
    HttpRequest request{
        .method = copy.method,
        .url = url_of(outcome_.pods[index], copy.target),
        .headers = passed_on(copy),
        .body = copy.body,
        .timeout = patience,
        .on_body = [this, index](std::string_view piece) { take(index, piece); },
        .body_bytes_max = error_bytes_max};
    request.headers.emplace_back(mark, index == 0 ? "candidate" : "stable");
    parts_[index].call = http_.send(
        std::move(request),
        [this, index](const Result<HttpResponse>& response) { finish(index, response); });
}

void ShadowTrio::take(std::size_t index, std::string_view piece) {
    Part& part = parts_[index];
    const std::size_t room = judge::shadow::body_bytes_max - part.body.size();
    part.body += piece.substr(0, room);
    if (piece.size() <= room) return;
    part.is_cut = true;
    // FNV-1a, byte by byte: pieces may come in any sizes.
    for (const char c : piece.substr(room)) {
        part.rest ^= static_cast<unsigned char>(c);
        part.rest *= 1'099'511'628'211U;
    }
}

void ShadowTrio::finish(std::size_t index, const Result<HttpResponse>& response) {
    Answer& answer = outcome_.answers[index];
    Part& part = parts_[index];
    if (response) {
        if (part.body.empty()) take(index, response->body);  // Of an error.
        answer.status = response->status;
        answer.content_type = header_of(*response, "content-type");
        answer.body = std::move(part.body);
        answer.is_cut = part.is_cut;
        answer.rest = part.rest;
        for (const std::string& name : headers_) {
            const bool is_there = std::ranges::any_of(
                response->headers, [&](const auto& header) { return header.first == name; });
            if (is_there) answer.headers[name] = header_of(*response, name);
        }
    }
    if (--open_ > 0) return;
    const Done done = std::exchange(done_, nullptr);
    done(std::move(outcome_));
}

}  // namespace serin::metrics
