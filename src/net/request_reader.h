#pragma once

#include "net/http_message.h"

#include <cstdint>
#include <memory>
#include <string_view>

namespace serin::net {

// Reads one HTTP/1 request from bytes as they come.
class RequestReader {
public:
    struct Limits {
        std::uint32_t header_bytes_max = 64 << 10;
        std::uint64_t body_bytes_max = 8 << 20;
    };

    explicit RequestReader(Limits limits);
    ~RequestReader();
    RequestReader(const RequestReader&) = delete;
    RequestReader& operator=(const RequestReader&) = delete;

    // What is wrong with a request that cannot be served, and with which status to say so.
    struct Refusal {
        int status = 400;
        std::string message;
    };

    // Takes from the front of `bytes` and returns how many; the rest has to be handed in again,
    // with more behind it, unless the request is complete.
    std::expected<size_t, Refusal> feed(std::string_view bytes);

    bool has_begun() const;       // At least one byte has been seen.
    bool has_header() const;      // Expect can be answered.
    bool wants_continue() const;  // The client waits for "100 Continue" before its body.
    bool is_complete() const;
    // REQUIRES: is_complete(). Without peer and certificate, which the reader does not know.
    HttpServerRequest take();

private:
    struct Parser;
    Limits limits_;
    std::unique_ptr<Parser> parser_;
    bool has_begun_ = false;
};

}  // namespace serin::net
