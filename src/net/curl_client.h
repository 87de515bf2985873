#pragma once

#include "ports/http_client.h"

#include <memory>

namespace serin::net {

class AsioLoop;

// Outbound HTTP over libcurl, driven by the event loop: connections are kept and shared between
// requests, HTTP/2 is used where the server offers it, proxies come from the environment.
class CurlClient : public HttpClient {
public:
    explicit CurlClient(AsioLoop& loop);
    // Cancels what is under way.
    ~CurlClient() override;
    CurlClient(const CurlClient&) = delete;
    CurlClient& operator=(const CurlClient&) = delete;

    [[nodiscard]] std::unique_ptr<Call> send(HttpRequest request, Done done) override;

private:
    struct Multi;
    std::shared_ptr<Multi> multi_;
};

}  // namespace serin::net
