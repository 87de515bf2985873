#pragma once

#include "base/json.h"
#include "kubernetes/config.h"
#include "net/blocking_client.h"
#include "ports/event_loop.h"
#include "ports/http_client.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace serin::kubernetes {

// The error that an answer of the API stands for, by its status and the Status object in its body:
// what code reacts to is the kind, and the message is the API's own.
Error error_of(const HttpResponse& response);

// Requests to one cluster, with its certificates and credentials. REQUIRES: used on the loop.
class Api {
public:
    // What `call` waits for at most; long enough for a busy API, short enough for a lease.
    static constexpr Duration call_timeout{10'000};

    // Loop and client outlive it.
    Api(EventLoop& loop, HttpClient& http, ClusterConfig config);

    struct Call {
        std::string_view method;
        std::string path;  // With its query.
        json::Value body;  // Null for none.
        std::string_view content_type = "application/json";
        Duration timeout = call_timeout;
        bool is_urgent = false;  // Sent whatever patience was asked for.
    };
    // Waits for the answer: the loop stands still meanwhile. A cluster that asks for patience (429
    // and 503 with Retry-After) gets it: calls in that time are `unavailable` at once.
    Result<json::Value> call(const Call& call);

    using Done = std::function<void(Result<HttpResponse>)>;
    // Does not wait. With `on_line`, each line of the body as it comes (a watch), and the end of
    // the stream, also after `seconds`, is the answer; without, the body is in the answer, whatever
    // its size. An answer of 300 and above is an error.
    using OnLine = std::function<void(std::string_view)>;
    [[nodiscard]] std::unique_ptr<HttpClient::Call> stream(
        const std::string& path, Duration timeout, OnLine on_line, Done done);

    // For how much longer the cluster has asked to be left alone.
    Duration patience() const;

    const ClusterConfig& config() const { return config_; }
    EventLoop& loop() { return loop_; }

private:
    HttpRequest request(std::string_view method, const std::string& path);
    std::string token();
    void note_patience(const HttpResponse& response);

    EventLoop& loop_;
    HttpClient& http_;
    ClusterConfig config_;
    net::BlockingClient blocking_;
    Duration token_read_{-1};  // On the monotonic clock; negative: not yet.
    Duration patience_until_{0};
};

}  // namespace serin::kubernetes
