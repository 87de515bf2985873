#include "server/logs.h"

#include "server/failure.h"
#include "server/parameters.h"

#include <algorithm>

namespace serin::server {

namespace {

class LogSession : public std::enable_shared_from_this<LogSession> {
public:
    explicit LogSession(std::optional<std::int64_t> bytes_max) : bytes_left_(bytes_max) {}

    Result<> open(LogSource& logs, const LogQuery& query) {
        const auto weak = weak_from_this();
        SERIN_TRY(
            reading_,
            logs.open(
                query,
                [weak](std::string_view chunk) {
                    if (const auto self = weak.lock()) self->take(chunk);
                },
                [weak](const Result<>& result) {
                    if (const auto self = weak.lock()) self->finish(result);
                }));
        return {};
    }

    void start(net::HttpResponder& responder, std::function<void()> end) {
        end_ = std::move(end);
        stream_ = responder.start({.headers = {{"Content-Type", "text/plain; charset=utf-8"}}});
        stream_->on_closed(end_);
        const auto weak = weak_from_this();
        stream_->on_drained([weak] {
            if (const auto self = weak.lock()) self->next();
        });
        next();
    }

private:
    // One chunk at a time: it is asked for when the one before has been sent.
    void next() {
        if (is_waiting_) return;
        is_waiting_ = true;
        reading_->next();
    }

    void take(std::string_view chunk) {
        is_waiting_ = false;
        if (bytes_left_) {
            chunk = chunk.substr(0, static_cast<size_t>(*bytes_left_));
            *bytes_left_ -= static_cast<std::int64_t>(chunk.size());
        }
        if (!chunk.empty() && !stream_->write(chunk)) return;
        if (bytes_left_ == 0) return finish({});
        if (chunk.empty()) next();
    }

    // A failure in the middle cuts the connection: the client must not take a part for the whole.
    void finish(const Result<>& result) {
        if (result) {
            stream_->end();
        } else {
            stream_.reset();
        }
        end_();
    }

    std::optional<std::int64_t> bytes_left_;
    bool is_waiting_ = false;
    std::unique_ptr<LogSource::Reading> reading_;
    std::unique_ptr<net::HttpStream> stream_;
    std::function<void()> end_;
};

Answer<LogQuery> read_query(
    const ApiPath& path, const net::HttpServerRequest& request, Instant now) {
    LogQuery query{
        .ns = path.ns,
        .pod = path.name,
        .container = text_parameter(request, "container"),
        .is_following = flag_parameter(request, "follow"),
        .is_previous = flag_parameter(request, "previous"),
        .has_timestamps = flag_parameter(request, "timestamps")};
    SERIN_TRY(query.tail, number_parameter(request, "tailLines"));
    SERIN_TRY(const auto since, number_parameter(request, "sinceSeconds"));
    constexpr std::int64_t longest = 10L * 365 * 24 * 3600;
    if (since) query.since = now - std::chrono::seconds(std::min(*since, longest));
    if (const std::string text = text_parameter(request, "sinceTime"); !text.empty()) {
        const auto at = parse_time(text);
        if (!at) return std::unexpected(bad_request("sinceTime: " + at.error().message));
        query.since = *at;
    }
    return query;
}

}  // namespace

void start_log(
    EventLoop& loop,
    LogSource& logs,
    Sessions& sessions,
    const ApiPath& path,
    const net::HttpServerRequest& request,
    net::HttpResponder& responder) {
    const auto query = read_query(path, request, loop.now());
    if (!query) return responder.send(response_of(query.error()));
    const auto limit = number_parameter(request, "limitBytes");
    if (!limit) return responder.send(response_of(limit.error()));

    const auto session = std::make_shared<LogSession>(*limit);
    if (const auto opened = session->open(logs, *query); !opened) {
        const Failure failure =
            opened.error().kind == ErrorKind::invalid
                ? bad_request(opened.error().message)
                : failure_of(opened.error(), {.type = path.type, .name = path.name});
        return responder.send(response_of(failure));
    }
    session->start(responder, sessions.keep(session));
}

}  // namespace serin::server
