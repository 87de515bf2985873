#pragma once

#include "net/http_server.h"
#include "net/request_reader.h"
#include "net/transport.h"
#include "ports/event_loop.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace serin::net {

// The callbacks of a stream, shared between it and its connection, so that neither has to outlive
// the other.
struct StreamCallbacks {
    std::function<void()> on_closed;
    std::function<void()> on_drained;
};

// One client's connection: reads requests, has them handled one at a time, writes the answers. It
// knows HTTP and time-outs, and of the network only its transport.
class Connection : public std::enable_shared_from_this<Connection> {
public:
    // `options` and `handler` must outlive it. `on_end` is called once, when it is closed.
    Connection(
        EventLoop& loop,
        const HttpServerOptions& options,
        const HttpHandler& handler,
        std::unique_ptr<Transport> transport,
        std::function<void()> on_end);

    void start();
    void close();

    // For the responder and the stream of the request that is being handled, which `exchange`
    // names: a late answer to an earlier one is ignored.
    void respond(std::int64_t exchange, HttpServerResponse response);
    bool begin_stream(
        std::int64_t exchange,
        const HttpServerResponse& head,
        std::shared_ptr<StreamCallbacks> callbacks);
    bool write_chunk(std::int64_t exchange, std::string_view bytes);
    void end_stream(std::int64_t exchange);
    void cut_stream(std::int64_t exchange);
    bool is_open(std::int64_t exchange) const;
    size_t queued_bytes() const { return outbox_.size() - sent_; }

private:
    enum class State {
        opening,
        reading,   // Between requests or within one.
        handling,  // The handler has the request.
        streaming,
        finishing,  // The answer is complete and being written.
        lingering,  // Nothing more is sent; what still comes is thrown away.
        closed,
    };

    void wait(Duration timeout, void (Connection::*then)());
    void read_more();
    void take_bytes(std::string_view bytes);
    void take_end();
    void feed_reader();
    void time_out_request();
    void handle_request();
    void refuse(int status, const std::string& message);
    void queue_head(const HttpServerResponse& response, std::string_view framing);
    void next_request();
    void linger();
    void queue(std::string bytes);
    void write_more();
    void written(bool is_written);

    EventLoop& loop_;
    const HttpServerOptions& options_;
    const HttpHandler& handler_;
    std::unique_ptr<Transport> transport_;
    std::function<void()> on_end_;

    State state_ = State::opening;
    std::int64_t exchange_ = 0;
    std::optional<RequestReader> reader_;
    std::string inbox_;  // Received and not yet taken by the reader.
    bool is_reading_ = false;
    bool peer_has_ended_ = false;
    bool has_continued_ = false;

    // Of the request that is being handled.
    bool is_kept_alive_ = true;
    bool is_head_request_ = false;
    bool is_chunked_ = false;
    std::shared_ptr<StreamCallbacks> callbacks_;

    std::string outbox_;
    size_t sent_ = 0;     // Of outbox_.
    size_t writing_ = 0;  // Bytes of the write under way; 0: there is none.
    EventLoop::Watch deadline_;
    EventLoop::Watch write_deadline_;
};

}  // namespace serin::net
