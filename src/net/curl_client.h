#pragma once

#include "ports/http_client.h"

#include <memory>
#include <string>

namespace serin::net {

class AsioLoop;

// Outbound HTTP/1.1 over libcurl, driven by the event loop: connections are kept and used again,
// each by one request at a time; proxies come from the environment.
class CurlClient : public HttpClient {
public:
    // `ca_file` (PEM) is trusted where a request names no file of its own; empty: the system's.
    explicit CurlClient(AsioLoop& loop, std::string ca_file = {});
    // Cancels what is under way.
    ~CurlClient() override;
    CurlClient(const CurlClient&) = delete;
    CurlClient& operator=(const CurlClient&) = delete;

    [[nodiscard]] std::unique_ptr<Call> send(HttpRequest request, Done done) override;

private:
    struct Multi;
    std::shared_ptr<Multi> multi_;
    std::string ca_file_;
};

}  // namespace serin::net
