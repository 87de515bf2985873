#pragma once

#include "ports/http_client.h"

#include <memory>

namespace serin::net {

// Outbound HTTP for whoever has to have the answer before going on: the calling thread waits, at
// most the request's `timeout`, and nothing else on it runs meanwhile. So it is for servers that
// answer in milliseconds. One connection is kept and used again. REQUIRES: used on one thread, and
// requests without `on_body`.
class BlockingClient {
public:
    BlockingClient();
    ~BlockingClient();
    BlockingClient(const BlockingClient&) = delete;
    BlockingClient& operator=(const BlockingClient&) = delete;

    // As HttpClient::send answers.
    Result<HttpResponse> exchange(HttpRequest request);

private:
    struct Handle;
    std::unique_ptr<Handle> handle_;
};

}  // namespace serin::net
