#include "server/guard.h"

#include "base/digest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <fstream>

namespace serin::server {

namespace {

std::string lower_case(std::string_view text) {
    std::string lower(text);
    std::ranges::transform(lower, lower.begin(), [](unsigned char letter) {
        return static_cast<char>(std::tolower(letter));
    });
    return lower;
}

// "[::1]:8080" -> "::1", "localhost:8080" -> "localhost".
std::string host_part(std::string_view host) {
    if (host.starts_with('[')) {
        return lower_case(host.substr(1, std::min(host.find(']'), host.size()) - 1));
    }
    return lower_case(host.substr(0, host.find(':')));
}

bool is_ip_address(std::string_view host) {
    const bool is_v6 = host.contains(':');
    return !host.empty() && std::ranges::all_of(host, [&](unsigned char letter) {
        return std::isdigit(letter) != 0 || letter == '.' ||
               (is_v6 && (std::isxdigit(letter) != 0 || letter == ':'));
    });
}

// In a time that does not depend on where the digests differ.
bool are_equal(std::string_view left, std::string_view right) {
    if (left.size() != right.size()) return false;
    unsigned difference = 0;
    for (size_t i = 0; i < left.size(); ++i) {
        difference |= static_cast<unsigned>(left[i] ^ right[i]);
    }
    return difference == 0;
}

Result<std::string> read_token(const std::string& file) {
    std::ifstream stream(file);
    std::string token;
    if (!std::getline(stream, token)) {
        return fail(ErrorKind::invalid, fmt::format("cannot read a token from the file {}", file));
    }
    while (!token.empty() && std::isspace(static_cast<unsigned char>(token.back()))) {
        token.pop_back();
    }
    constexpr size_t shortest = 16;
    if (token.size() < shortest) {
        return fail(
            ErrorKind::invalid,
            fmt::format("the token in the file {} is shorter than {} characters", file, shortest));
    }
    return token;
}

bool is_read(const net::HttpServerRequest& request) {
    return request.method == "GET" || request.method == "HEAD" || request.method == "OPTIONS";
}

// Browsers say where a page that writes has come from. Other clients send neither header.
std::optional<Failure> check_origin(const net::HttpServerRequest& request) {
    if (is_read(request)) return std::nullopt;
    const std::string* site = request.header("sec-fetch-site");
    const bool is_foreign = site != nullptr && *site != "same-origin" && *site != "none";
    const std::string* origin = request.header("origin");
    const std::string* host = request.header("host");
    const std::string own =
        fmt::format("{}://{}", request.is_secure ? "https" : "http", host ? *host : "");
    if (is_foreign || (origin != nullptr && lower_case(*origin) != lower_case(own))) {
        return forbidden("a web page of another origin may not write here");
    }
    return std::nullopt;
}

}  // namespace

bool is_loopback_address(std::string_view address) {
    return (address.starts_with("127.") && is_ip_address(address)) || address == "::1";
}

Result<Guard> Guard::make(const GuardOptions& options) {
    Guard guard;
    guard.is_loopback_ = is_loopback_address(options.address);
    for (const std::string& name : options.host_names) {
        guard.host_names_.push_back(lower_case(name));
    }
    guard.has_client_certificates_ = options.has_client_certificates;
    if (!options.token_file.empty()) {
        SERIN_TRY(const std::string token, read_token(options.token_file));
        guard.token_digest_ = sha256_hex(token);
    }
    const bool knows_clients = !guard.token_digest_.empty() || guard.has_client_certificates_;
    if (!guard.is_loopback_ && !knows_clients) {
        return fail(
            ErrorKind::invalid,
            fmt::format(
                "refusing to listen on {}, where others can reach it, without a token file or TLS "
                "with client certificates: configure one, or listen on 127.0.0.1",
                options.address));
    }
    return guard;
}

std::optional<Failure> Guard::check(const net::HttpServerRequest& request) const {
    if (auto failure = check_host(request)) return failure;
    if (auto failure = check_origin(request)) return failure;
    return check_identity(request);
}

// A page can make a name of its own resolve to this address, and would then count as same origin:
// but the browser still sends the name. An address cannot be made to resolve elsewhere.
std::optional<Failure> Guard::check_host(const net::HttpServerRequest& request) const {
    const std::string* header = request.header("host");
    if (header == nullptr) return bad_request("the Host header is missing");
    const std::string host = host_part(*header);
    const bool is_local =
        host == "localhost" || host.ends_with(".localhost") || is_loopback_address(host);
    const bool is_named = std::ranges::find(host_names_, host) != host_names_.end();
    if (is_local || is_named || (!is_loopback_ && is_ip_address(host))) return std::nullopt;
    return forbidden(fmt::format("this server is not known as \"{}\"", host));
}

std::optional<Failure> Guard::check_identity(const net::HttpServerRequest& request) const {
    if (!request.certificate_subject.empty() && has_client_certificates_) return std::nullopt;
    if (token_digest_.empty()) {
        if (!has_client_certificates_) return std::nullopt;
        return unauthorized("a client certificate is needed");
    }
    const std::string* header = request.header("authorization");
    const bool is_bearer = header != nullptr && lower_case(header->substr(0, 7)) == "bearer ";
    if (is_bearer && are_equal(sha256_hex(header->substr(7)), token_digest_)) return std::nullopt;
    return unauthorized("Unauthorized: a valid bearer token is needed");
}

}  // namespace serin::server
