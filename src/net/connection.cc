#include "net/connection.h"

#include "base/log.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

namespace serin::net {

namespace {

constexpr size_t write_bytes_max = 64 << 10;
// Pipelined requests that wait while one is handled.
constexpr size_t inbox_bytes_max = 64 << 10;
constexpr Duration linger_time{1'000};

std::string http_date(Instant at) {
    const std::time_t seconds =
        std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count();
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 64> text{};
    const size_t length =
        std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return {text.data(), length};
}

// A line break in a header would begin another header.
std::string one_line(std::string_view text) {
    std::string line(text);
    std::ranges::replace_if(line, [](char letter) { return letter >= 0 && letter < ' '; }, ' ');
    return line;
}

class Stream : public HttpStream {
public:
    Stream(
        std::weak_ptr<Connection> connection,
        std::int64_t exchange,
        std::shared_ptr<StreamCallbacks> callbacks,
        EventLoop& loop)
        : connection_(std::move(connection)),
          exchange_(exchange),
          callbacks_(std::move(callbacks)),
          loop_(loop) {}

    ~Stream() override {
        callbacks_->on_closed = nullptr;
        callbacks_->on_drained = nullptr;
        if (const auto connection = connection_.lock()) connection->cut_stream(exchange_);
    }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    bool write(std::string_view bytes) override {
        const auto connection = connection_.lock();
        return connection != nullptr && connection->write_chunk(exchange_, bytes);
    }

    void end() override {
        callbacks_->on_closed = nullptr;
        callbacks_->on_drained = nullptr;
        if (const auto connection = connection_.lock()) connection->end_stream(exchange_);
    }

    size_t queued_bytes() const override {
        const auto connection = connection_.lock();
        return connection == nullptr ? 0 : connection->queued_bytes();
    }

    void on_closed(std::function<void()> task) override {
        callbacks_->on_closed = std::move(task);
        const auto connection = connection_.lock();
        if (connection != nullptr && connection->is_open(exchange_)) return;
        loop_.post([callbacks = callbacks_] {
            if (const auto run = std::exchange(callbacks->on_closed, nullptr)) run();
        });
    }

    void on_drained(std::function<void()> task) override {
        callbacks_->on_drained = std::move(task);
    }

private:
    std::weak_ptr<Connection> connection_;
    std::int64_t exchange_;
    std::shared_ptr<StreamCallbacks> callbacks_;
    EventLoop& loop_;
};

class Responder : public HttpResponder {
public:
    Responder(std::weak_ptr<Connection> connection, std::int64_t exchange, EventLoop& loop)
        : connection_(std::move(connection)), exchange_(exchange), loop_(loop) {}

    ~Responder() override {
        if (!is_answered_) Responder::send({.status = 500, .body = "no answer was given\n"});
    }
    Responder(const Responder&) = delete;
    Responder& operator=(const Responder&) = delete;

    void send(HttpServerResponse response) override {
        if (std::exchange(is_answered_, true)) return;
        if (const auto connection = connection_.lock()) {
            connection->respond(exchange_, std::move(response));
        }
    }

    std::unique_ptr<HttpStream> start(HttpServerResponse head) override {
        auto callbacks = std::make_shared<StreamCallbacks>();
        if (!std::exchange(is_answered_, true)) {
            if (const auto connection = connection_.lock()) {
                connection->begin_stream(exchange_, head, callbacks);
            }
        }
        return std::make_unique<Stream>(connection_, exchange_, std::move(callbacks), loop_);
    }

    bool is_wanted() const override {
        const auto connection = connection_.lock();
        return connection != nullptr && connection->is_open(exchange_);
    }

private:
    std::weak_ptr<Connection> connection_;
    std::int64_t exchange_;
    EventLoop& loop_;
    bool is_answered_ = false;
};

}  // namespace

Connection::Connection(
    EventLoop& loop,
    const HttpServerOptions& options,
    const HttpHandler& handler,
    std::unique_ptr<Transport> transport,
    std::function<void()> on_end)
    : loop_(loop),
      options_(options),
      handler_(handler),
      transport_(std::move(transport)),
      on_end_(std::move(on_end)) {}

void Connection::start() {
    wait(options_.request_timeout, &Connection::close);
    transport_->open([weak = weak_from_this()](bool is_open) {
        const auto self = weak.lock();
        if (self == nullptr) return;
        if (!is_open) return self->close();
        self->next_request();
    });
}

void Connection::close() {
    if (state_ == State::closed) return;
    state_ = State::closed;
    deadline_.reset();
    write_deadline_.reset();
    transport_->close();
    if (const auto callbacks = std::exchange(callbacks_, nullptr)) {
        loop_.post([callbacks] {
            if (const auto run = std::exchange(callbacks->on_closed, nullptr)) run();
        });
    }
    on_end_();
}

void Connection::wait(Duration timeout, void (Connection::*then)()) {
    deadline_ = loop_.after(timeout, [weak = weak_from_this(), then] {
        if (const auto self = weak.lock()) ((*self).*then)();
    });
}

// Reading

void Connection::read_more() {
    if (is_reading_ || peer_has_ended_ || state_ == State::closed) return;
    if (inbox_.size() >= inbox_bytes_max && state_ != State::reading) return;
    is_reading_ = true;
    transport_->read([weak = weak_from_this()](std::string_view bytes) {
        const auto self = weak.lock();
        if (self == nullptr) return;
        self->is_reading_ = false;
        bytes.empty() ? self->take_end() : self->take_bytes(bytes);
    });
}

void Connection::take_bytes(std::string_view bytes) {
    if (state_ == State::lingering) return read_more();
    inbox_ += bytes;
    state_ == State::reading ? feed_reader() : read_more();
}

void Connection::take_end() {
    peer_has_ended_ = true;
    switch (state_) {
        case State::handling:
        case State::finishing:
            return;  // A client may close its sending side and wait for the answer.
        case State::opening:
        case State::reading:
        case State::streaming:
        case State::lingering:
        case State::closed:
            return close();
    }
}

void Connection::feed_reader() {
    // Blank lines between requests are allowed.
    while (!reader_ && inbox_.starts_with("\r\n")) inbox_.erase(0, 2);
    while (!inbox_.empty()) {
        if (!reader_) {
            reader_.emplace(RequestReader::Limits{
                .header_bytes_max = options_.header_bytes_max,
                .body_bytes_max = options_.body_bytes_max});
            wait(options_.request_timeout, &Connection::time_out_request);
        }
        const auto used = reader_->feed(inbox_);
        if (!used) return refuse(used.error().status, used.error().message);
        inbox_.erase(0, *used);
        if (reader_->is_complete()) return handle_request();
        if (*used == 0) break;
    }
    if (reader_ && reader_->wants_continue() && !std::exchange(has_continued_, true)) {
        queue("HTTP/1.1 100 Continue\r\n\r\n");
    }
    peer_has_ended_ ? close() : read_more();
}

void Connection::time_out_request() {
    refuse(408, "the request took too long to arrive");
}

void Connection::handle_request() {
    state_ = State::handling;
    ++exchange_;
    deadline_.reset();
    HttpServerRequest request = reader_->take();
    reader_.reset();
    is_kept_alive_ = request.is_kept_alive;
    is_chunked_ = request.version_minor > 0;
    is_head_request_ = request.method == "HEAD";
    if (const auto split = split_target(request); !split) {
        return refuse(400, split.error().message);
    }
    request.peer = transport_->peer();
    request.is_secure = transport_->is_secure();
    request.certificate_subject = transport_->certificate_subject();

    const auto self = shared_from_this();
    handler_(std::move(request), std::make_shared<Responder>(weak_from_this(), exchange_, loop_));
    read_more();  // To notice when the client goes.
}

// Answering

void Connection::refuse(int status, const std::string& message) {
    log::debug("http_request_refused", {{"status", status}, {"reason", message}});
    deadline_.reset();
    reader_.reset();
    inbox_.clear();
    is_kept_alive_ = false;
    is_head_request_ = false;
    state_ = State::handling;
    respond(
        ++exchange_,
        {.status = status,
         .headers = {{"Content-Type", "text/plain; charset=utf-8"}},
         .body = message + "\n"});
}

void Connection::queue_head(const HttpServerResponse& response, std::string_view framing) {
    std::string head =
        fmt::format("HTTP/1.1 {} {}\r\n", response.status, reason_phrase(response.status));
    for (const auto& [name, value] : response.headers) {
        head += fmt::format("{}: {}\r\n", one_line(name), one_line(value));
    }
    head += framing;
    head += fmt::format("Date: {}\r\n", http_date(loop_.now()));
    if (!is_kept_alive_) head += "Connection: close\r\n";
    head += "\r\n";
    queue(std::move(head));
}

void Connection::respond(std::int64_t exchange, HttpServerResponse response) {
    if (exchange != exchange_ || state_ != State::handling) return;
    state_ = State::finishing;
    const bool is_bodiless = response.status == 204 || response.status == 304;
    queue_head(
        response,
        is_bodiless ? std::string() : fmt::format("Content-Length: {}\r\n", response.body.size()));
    if (!is_head_request_ && !is_bodiless) queue(std::move(response.body));
}

bool Connection::begin_stream(
    std::int64_t exchange,
    const HttpServerResponse& head,
    std::shared_ptr<StreamCallbacks> callbacks) {
    if (exchange != exchange_ || state_ != State::handling) return false;
    state_ = State::streaming;
    callbacks_ = std::move(callbacks);
    if (!is_chunked_) is_kept_alive_ = false;  // HTTP/1.0: the end of the connection is the end.
    queue_head(head, is_chunked_ ? "Transfer-Encoding: chunked\r\n" : "");
    if (!head.body.empty()) write_chunk(exchange, head.body);
    if (peer_has_ended_) close();
    return true;
}

bool Connection::write_chunk(std::int64_t exchange, std::string_view bytes) {
    if (exchange != exchange_ || state_ != State::streaming) return false;
    if (is_head_request_ || bytes.empty()) return true;
    if (queued_bytes() + bytes.size() > options_.stream_bytes_max) {
        log::info("http_stream_cut", {{"peer", transport_->peer()}, {"reason", "slow reader"}});
        close();
        return false;
    }
    queue(is_chunked_ ? fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes) : std::string(bytes));
    return true;
}

void Connection::end_stream(std::int64_t exchange) {
    if (exchange != exchange_ || state_ != State::streaming) return;
    state_ = State::finishing;
    callbacks_.reset();
    if (is_chunked_ && !is_head_request_) {
        queue("0\r\n\r\n");
    } else if (queued_bytes() == 0) {
        next_request();
    }
}

void Connection::cut_stream(std::int64_t exchange) {
    if (exchange == exchange_ && state_ == State::streaming) close();
}

bool Connection::is_open(std::int64_t exchange) const {
    const bool is_live = state_ == State::handling || state_ == State::streaming;
    return exchange == exchange_ && is_live;
}

void Connection::next_request() {
    exchange_ += 1;  // Whoever still holds the last answer can no longer change it.
    if (!is_kept_alive_) return linger();
    state_ = State::reading;
    has_continued_ = false;
    wait(options_.idle_timeout, &Connection::close);
    feed_reader();
}

// Closing at once could make the kernel throw away the end of an answer when the client has sent
// more than was read.
void Connection::linger() {
    if (peer_has_ended_) return close();
    state_ = State::lingering;
    inbox_.clear();
    transport_->end_sending();
    wait(linger_time, &Connection::close);
    read_more();
}

// Writing

void Connection::queue(std::string bytes) {
    if (bytes.empty()) return;
    if (outbox_.empty()) {
        outbox_ = std::move(bytes);
    } else {
        outbox_ += bytes;
    }
    write_more();
}

void Connection::write_more() {
    if (writing_ != 0 || queued_bytes() == 0 || state_ == State::closed) return;
    const auto slice = std::string_view(outbox_).substr(sent_, write_bytes_max);
    writing_ = slice.size();
    write_deadline_ = loop_.after(options_.write_timeout, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->close();
    });
    transport_->write(slice, [weak = weak_from_this()](bool is_written) {
        if (const auto self = weak.lock()) self->written(is_written);
    });
}

void Connection::written(bool is_written) {
    if (!is_written) return close();
    write_deadline_.reset();
    sent_ += std::exchange(writing_, 0);
    if (queued_bytes() != 0) {
        // What is sent is dropped now and then, so that a stream that never drains stays small.
        if (sent_ > options_.stream_bytes_max) {
            outbox_.erase(0, sent_);
            sent_ = 0;
        }
        return write_more();
    }
    outbox_.size() > write_bytes_max ? std::string().swap(outbox_) : outbox_.clear();
    sent_ = 0;
    if (state_ == State::finishing) return next_request();
    if (state_ == State::streaming && callbacks_ != nullptr) {
        const auto callbacks = callbacks_;
        if (const auto run = callbacks->on_drained) run();
    }
}

}  // namespace serin::net
