#pragma once

#include "base/result.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// HTTP messages as a server sees them, without any library's types.

namespace serin::net {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpServerRequest {
    std::string method;
    std::string target;   // As sent: "/api/v1/pods?limit=5".
    std::string path;     // Without the query, percent-decoded.
    HttpHeaders query;    // Decoded names and values, in order.
    HttpHeaders headers;  // Names in lower case.
    std::string body;

    std::string peer;                 // "127.0.0.1:51234".
    bool is_secure = false;           // Came over TLS.
    std::string certificate_subject;  // Of a verified client certificate; empty without one.

    int version_minor = 1;  // Of HTTP/1.
    bool is_kept_alive = true;

    // Null when there is none; the first if there are several.
    const std::string* header(std::string_view lower_case_name) const;
    const std::string* parameter(std::string_view name) const;
};

struct HttpServerResponse {
    int status = 200;
    HttpHeaders
        headers;  // Without the framing (Content-Length, Connection), which the server adds.
    std::string body;
};

std::string_view reason_phrase(int status);

// "a%20b" -> "a b"; with `is_form`, "+" is a blank too. `invalid` for a broken escape.
Result<std::string> percent_decode(std::string_view text, bool is_form = false);
// Escapes all but RFC 3986's unreserved characters.
std::string percent_encode(std::string_view text);

// Fills in path and query from the target. `invalid` for broken escapes, a target that is not a
// path, and escaped slashes, which would read as another path once decoded.
Result<> split_target(HttpServerRequest& request);

}  // namespace serin::net
