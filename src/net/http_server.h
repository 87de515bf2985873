#pragma once

#include "base/result.h"
#include "base/time.h"
#include "net/http_message.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace serin::net {

class AsioLoop;

struct TlsOptions {
    std::string certificate_file;  // PEM, the chain with the server's own certificate first.
    std::string key_file;
    std::string client_ca_file;                 // Empty: client certificates are not asked for.
    bool must_have_client_certificate = false;  // Else a client may come without one.
};

struct HttpServerOptions {
    std::string address = "127.0.0.1";  // An IP address, not a name.
    std::uint16_t port = 0;             // 0: any free one; see HttpServer::port.
    bool is_tls = false;
    TlsOptions tls;

    std::uint32_t header_bytes_max = 64 << 10;
    std::uint64_t body_bytes_max = 8 << 20;
    // What a stream may have written and not sent; then it is cut.
    size_t stream_bytes_max = 8 << 20;
    size_t connections_max = 4096;     // Further ones are closed at once.
    Duration idle_timeout{120'000};    // Between requests.
    Duration request_timeout{30'000};  // From a request's first byte to its last; TLS handshake.
    Duration write_timeout{30'000};    // Without the client taking anything.
};

// An answer that is written bit by bit: a watch, a log that is followed, server-sent events.
// Destroyed before `end`, it cuts the connection, so that the client knows the answer is partial.
class HttpStream {
public:
    virtual ~HttpStream() = default;

    // Queues bytes. False when the stream is over: the client has gone, or reads too slowly and
    // more than `stream_bytes_max` would wait. Never calls back.
    virtual bool write(std::string_view bytes) = 0;
    virtual void end() = 0;
    virtual size_t queued_bytes() const = 0;

    // `task` is called once when the stream is over before its `end`, or at once if it is already.
    virtual void on_closed(std::function<void()> task) = 0;
    // `task` is called whenever all that was written has been sent.
    virtual void on_drained(std::function<void()> task) = 0;
};

// Answers one request, now or later, once. Destroyed without an answer, it answers 500.
class HttpResponder {
public:
    virtual ~HttpResponder() = default;

    virtual void send(HttpServerResponse response) = 0;
    // Sends status and headers; `head.body` is the beginning of the stream.
    virtual std::unique_ptr<HttpStream> start(HttpServerResponse head) = 0;
    // False once the client is known to be gone: the answer would go nowhere.
    virtual bool is_wanted() const = 0;
};

using HttpHandler = std::function<void(HttpServerRequest, std::shared_ptr<HttpResponder>)>;

// An HTTP/1.1 server, with or without TLS, on the event loop. Malformed, too large and half-sent
// requests never reach the handler.
class HttpServer {
public:
    // `unavailable` when the address cannot be listened on (the message names the port), `invalid`
    // for certificates that cannot be read. The handler must not throw.
    static Result<std::unique_ptr<HttpServer>> listen(
        AsioLoop& loop, HttpServerOptions options, HttpHandler handler);

    virtual ~HttpServer() = default;  // As stop().
    virtual std::uint16_t port() const = 0;
    virtual size_t connection_count() const = 0;
    // Takes no more connections and cuts those that are open.
    virtual void stop() = 0;
};

}  // namespace serin::net
