#include "net/curl_exchange.h"

#include "base/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string_view>
#include <utility>

namespace serin::net {

namespace {

constexpr size_t header_bytes_max = 256 << 10;

std::string_view trim(std::string_view text) {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) {
        text.remove_prefix(1);
    }
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) {
        text.remove_suffix(1);
    }
    return text;
}

// The URL as messages may show it: without user information, query and fragment.
std::string shown(const std::string& url) {
    std::string_view rest = url;
    std::string scheme;
    if (const size_t mark = rest.find("://"); mark != std::string_view::npos) {
        scheme = rest.substr(0, mark + 3);
        rest.remove_prefix(mark + 3);
    }
    rest = rest.substr(0, rest.find_first_of("?#"));
    const size_t path = std::min(rest.find('/'), rest.size());
    if (const size_t at = rest.substr(0, path).rfind('@'); at != std::string_view::npos) {
        rest.remove_prefix(at + 1);
    }
    return scheme + std::string(rest);
}

bool is_loopback(const std::string& url) {
    const std::string plain = shown(url);
    const size_t mark = plain.find("://");
    const std::string_view host =
        std::string_view(plain).substr(mark == std::string::npos ? 0 : mark + 3);
    return host.starts_with("127.") || host.starts_with("[::1]") ||
           host.starts_with("localhost:") || host.starts_with("localhost/") || host == "localhost";
}

size_t take_header(char* bytes, size_t one, size_t count, void* user) {
    auto& exchange = *static_cast<Exchange*>(user);
    const std::string_view line(bytes, one * count);
    exchange.header_bytes += line.size();
    if (exchange.header_bytes > header_bytes_max) {
        exchange.refusal = Error{ErrorKind::invalid, "the answer's header is too large"};
        return 0;
    }
    if (line.starts_with("HTTP/")) {  // Also after a redirect or an interim response.
        exchange.response.headers.clear();
        return line.size();
    }
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return line.size();
    std::string name(trim(line.substr(0, colon)));
    std::ranges::transform(name, name.begin(), [](unsigned char letter) {
        return static_cast<char>(std::tolower(letter));
    });
    exchange.response.headers.emplace_back(
        std::move(name), std::string(trim(line.substr(colon + 1))));
    return line.size();
}

int status_of(const Exchange& exchange) {
    long status = 0;
    curl_easy_getinfo(exchange.easy, CURLINFO_RESPONSE_CODE, &status);
    return static_cast<int>(status);
}

size_t take_body(char* bytes, size_t one, size_t count, void* user) {
    auto& exchange = *static_cast<Exchange*>(user);
    const size_t size = one * count;
    if (exchange.request.on_body && status_of(exchange) < 300) {
        exchange.news.append(bytes, size);
        return size;
    }
    const auto limit = static_cast<size_t>(exchange.request.body_bytes_max);
    if (exchange.response.body.size() + size > limit) {
        exchange.refusal =
            Error{ErrorKind::invalid, fmt::format("the answer is larger than {} bytes", limit)};
        return 0;
    }
    exchange.response.body.append(bytes, size);
    return size;
}

ErrorKind kind_of(CURLcode code) {
    switch (static_cast<int>(code)) {
        case CURLE_URL_MALFORMAT:
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_WEIRD_SERVER_REPLY:
        case CURLE_BAD_CONTENT_ENCODING:
        case CURLE_TOO_MANY_REDIRECTS:
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_FILESIZE_EXCEEDED:
        case CURLE_BAD_FUNCTION_ARGUMENT:
            return ErrorKind::invalid;
        default:
            return ErrorKind::unavailable;
    }
}

void set_options(Exchange& exchange) {
    CURL* easy = exchange.easy;
    const HttpRequest& request = exchange.request;
    curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
    const bool is_endless = request.on_body && request.timeout.count() == 0;
    const auto timeout = std::max<Duration::rep>(request.timeout.count(), 1);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, is_endless ? 0L : static_cast<long>(timeout));
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, 10L);
    // As other clients do it: no proxy is asked about this machine's own addresses.
    if (is_loopback(request.url)) curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    if (request.redirects_max > 0) {
        curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
        curl_easy_setopt(easy, CURLOPT_MAXREDIRS, static_cast<long>(request.redirects_max));
    }
    if (!request.unix_socket.empty()) {
        curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, request.unix_socket.c_str());
    }
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, request.verify_peer ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, request.verify_peer ? 2L : 0L);
    const auto set_file = [easy](CURLoption option, const std::string& file) {
        if (!file.empty()) curl_easy_setopt(easy, option, file.c_str());
    };
    set_file(CURLOPT_CAINFO, request.ca_file);
    set_file(CURLOPT_SSLCERT, request.certificate_file);
    set_file(CURLOPT_SSLKEY, request.key_file);
    const auto set_text = [easy](CURLoption option, const std::string& pem) {
        if (pem.empty()) return;
        const curl_blob blob{const_cast<char*>(pem.data()), pem.size(), CURL_BLOB_NOCOPY};
        curl_easy_setopt(easy, option, &blob);
    };
    set_text(CURLOPT_CAINFO_BLOB, request.ca_pem);
    set_text(CURLOPT_SSLCERT_BLOB, request.certificate_pem);
    set_text(CURLOPT_SSLKEY_BLOB, request.key_pem);
    // One exchange at a time on a connection: a stream that is read slowly does not hold up the
    // others, and a connection that is dead without a word is left with the one request that found
    // out. With HTTP/2 allowed for some, libcurl 7.88 puts them on the HTTP/1.1 connections of
    // others that are in use, where answers go to who did not ask.
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    if (request.on_body) {  // A server that is gone without a word is noticed.
        curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
        curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 30L);
        curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 10L);
    }
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &exchange);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &exchange);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, &exchange);
}

Result<> set_message(Exchange& exchange) {
    CURL* easy = exchange.easy;
    const HttpRequest& request = exchange.request;
    const auto is_unsafe = [](const std::string& text) {
        return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos;
    };
    // Else libcurl sends a type of its own, and waits for "100 Continue" before larger bodies.
    exchange.headers = curl_slist_append(nullptr, "Expect:");
    bool has_type = false;
    for (const auto& [name, value] : request.headers) {
        if (is_unsafe(name) || is_unsafe(value)) {
            return fail(ErrorKind::invalid, "a request header contains a line break");
        }
        std::string lower = name;
        std::ranges::transform(lower, lower.begin(), [](unsigned char letter) {
            return static_cast<char>(std::tolower(letter));
        });
        has_type = has_type || lower == "content-type";
        const std::string line = value.empty() ? name + ";" : fmt::format("{}: {}", name, value);
        exchange.headers = curl_slist_append(exchange.headers, line.c_str());
    }
    if (request.method == "HEAD") {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
        if (!has_type) exchange.headers = curl_slist_append(exchange.headers, "Content-Type:");
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(
            easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.c_str());
    }
    if (is_unsafe(request.method) || request.method.contains(' ')) {
        return fail(ErrorKind::invalid, "the request's method is not one");
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, exchange.headers);
    return {};
}

}  // namespace

void set_up_globally() {
    static const CURLcode done = curl_global_init(CURL_GLOBAL_DEFAULT);
    SERIN_CHECK(done == CURLE_OK);
}

Result<> set_up(Exchange& exchange) {
    set_options(exchange);
    return set_message(exchange);
}

Result<HttpResponse> outcome(Exchange& exchange, CURLcode code) {
    if (code == CURLE_OK) {
        exchange.response.status = status_of(exchange);
        return std::move(exchange.response);
    }
    const std::string target = shown(exchange.request.url);
    if (exchange.refusal) {
        return std::unexpected(std::move(*exchange.refusal).within(target));
    }
    if (code == CURLE_OPERATION_TIMEDOUT) {
        return fail(
            ErrorKind::unavailable,
            fmt::format(
                "{}: no answer within {}", target, format_duration(exchange.request.timeout)));
    }
    return fail(kind_of(code), fmt::format("{}: {}", target, curl_easy_strerror(code)));
}

}  // namespace serin::net
