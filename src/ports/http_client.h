#pragma once

#include "base/result.h"
#include "base/time.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace serin {

struct HttpRequest {
    std::string method = "GET";
    std::string url;  // http:// or https://, or unix sockets by `unix_socket`.
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    Duration timeout{10'000};      // The whole exchange.
    std::string unix_socket;       // Path; empty for TCP.
    bool verify_peer = true;       // TLS certificate and host name.
    std::string ca_file;           // PEM; empty: the system's.
    std::string certificate_file;  // PEM of a client certificate and its key, empty for none.
    std::string key_file;
    std::string ca_pem;  // The same as texts, for who has them in no file.
    std::string certificate_pem;
    std::string key_pem;
    int redirects_max = 0;
    // For streams (watches, logs): called on the event loop with each piece of the body as it
    // comes, for answers of any status below 300. The response then has no body and no size limit,
    // and a `timeout` of 0 sets none.
    std::function<void(std::string_view)> on_body;
    std::int64_t body_bytes_max = 10 << 20;  // A larger answer is `invalid`.
};

struct HttpResponse {
    int status = 0;
    std::vector<std::pair<std::string, std::string>> headers;  // Names in lower case.
    std::string body;
};

// Outbound HTTP. A response with any status is a success; `unavailable` covers refused connections,
// DNS and time-outs, `invalid` bad URLs and unreadable answers. Messages name the URL without its
// query and user information, so that no secret reaches a log.
class HttpClient {
public:
    virtual ~HttpClient() = default;

    class Call {  // Destroying it cancels the exchange; `done` is then not called.
    public:
        virtual ~Call() = default;
    };
    using Done = std::function<void(Result<HttpResponse>)>;

    // Calls `done` on the event loop, never within this call.
    [[nodiscard]] virtual std::unique_ptr<Call> send(HttpRequest request, Done done) = 0;
};

}  // namespace serin
