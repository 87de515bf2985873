#pragma once

#include "base/result.h"
#include "net/http_server.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace serin::net {

// One accepted connection as a stream of bytes, plain or TLS. Calls back on the loop, never within
// a call, and never after `close` or its destruction.
class Transport {
public:
    virtual ~Transport() = default;

    // To be called first: the TLS handshake, where there is one.
    virtual void open(std::function<void(bool is_open)> done) = 0;
    // One read at a time. Empty bytes: the peer has ended, or the connection failed. The bytes are
    // valid during the call.
    virtual void read(std::function<void(std::string_view bytes)> done) = 0;
    // One write at a time; all of `bytes` or a failure. They are copied.
    virtual void write(std::string_view bytes, std::function<void(bool is_written)> done) = 0;
    // Tells the peer that nothing more comes; it can still be read.
    virtual void end_sending() = 0;
    virtual void close() = 0;

    virtual std::string peer() const = 0;
    virtual bool is_secure() const = 0;
    // Valid once open.
    virtual std::string certificate_subject() const = 0;
};

// Accepts connections until it is destroyed.
class Listener {
public:
    using OnAccept = std::function<void(std::unique_ptr<Transport>)>;
    static Result<std::unique_ptr<Listener>> open(
        AsioLoop& loop, const HttpServerOptions& options, OnAccept on_accept);

    virtual ~Listener() = default;
    virtual std::uint16_t port() const = 0;
};

}  // namespace serin::net
