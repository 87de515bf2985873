#include "net/blocking_client.h"

#include "base/check.h"
#include "net/curl_exchange.h"

#include <utility>

namespace serin::net {

struct BlockingClient::Handle {
    CURL* easy = nullptr;

    Handle() {
        set_up_globally();
        easy = curl_easy_init();
        SERIN_CHECK(easy != nullptr);
    }
    ~Handle() { curl_easy_cleanup(easy); }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
};

BlockingClient::BlockingClient() : handle_(std::make_unique<Handle>()) {}
BlockingClient::~BlockingClient() = default;

Result<HttpResponse> BlockingClient::exchange(HttpRequest request) {
    SERIN_CHECK(!request.on_body);
    Exchange exchange;
    exchange.request = std::move(request);
    curl_easy_reset(handle_->easy);  // Options only: the connection stays.
    exchange.easy = handle_->easy;
    const auto ready = set_up(exchange);
    Result<HttpResponse> answer = ready ? outcome(exchange, curl_easy_perform(exchange.easy))
                                        : std::unexpected(ready.error());
    exchange.easy = nullptr;  // It belongs to the handle.
    return answer;
}

}  // namespace serin::net
