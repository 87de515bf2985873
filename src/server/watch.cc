#include "server/watch.h"

#include <utility>

namespace serin::server {

namespace {

constexpr Duration bookmark_interval{60'000};
// The first events go out at the reader's pace, so that a large store fits any stream's bound.
constexpr size_t first_bytes_max = 1 << 20;
constexpr size_t backlog_max = 10'000;

std::string_view name_of(EventKind kind) {
    switch (kind) {
        case EventKind::added:
            return "ADDED";
        case EventKind::modified:
            return "MODIFIED";
        case EventKind::removed:
            return "DELETED";
    }
    return "";
}

class WatchSession : public std::enable_shared_from_this<WatchSession> {
public:
    WatchSession(EventLoop& loop, WatchOptions options)
        : loop_(loop), options_(std::move(options)) {}

    // Nothing is answered yet: a failure can still become a Status.
    Result<> open(ObjectStore& store) {
        std::string from = options_.from;
        if (from.empty() || from == "0") {
            ListQuery all = options_.query;
            SERIN_TRY(ObjectList list, store.list(all));
            from = list.resource_version;
            first_ = std::move(list.items);
        } else {
            options_.sends_initial_end = false;
        }
        version_ = from;
        const auto weak = weak_from_this();
        SERIN_TRY(
            handle_,
            store.watch(
                options_.query,
                from,
                [weak](const StoreEvent& event) {
                    if (const auto self = weak.lock()) self->send(event);
                },
                [weak](const Error& error) {
                    if (const auto self = weak.lock()) self->end_with(error);
                }));
        return {};
    }

    void start(net::HttpResponder& responder, std::function<void()> end) {
        end_ = std::move(end);
        stream_ = responder.start(
            {.headers = {
                 {"Content-Type", "application/json"}, {"Cache-Control", "no-cache, private"}}});
        stream_->on_closed(end_);
        const auto weak = weak_from_this();
        stream_->on_drained([weak] {
            if (const auto self = weak.lock()) self->send_first();
        });
        send_first();
        timeout_ = loop_.after(options_.timeout, [weak] {
            if (const auto self = weak.lock()) self->end();
        });
        if (options_.allows_bookmarks) wait_for_bookmark();
    }

private:
    // What there was, then what happened while it was being sent.
    void send_first() {
        if (has_begun_) return;
        for (; first_sent_ < first_.size(); ++first_sent_) {
            if (stream_->queued_bytes() > first_bytes_max) return;  // Goes on when drained.
            write(name_of(EventKind::added), shown(first_[first_sent_]));
        }
        has_begun_ = true;
        first_.clear();
        if (options_.sends_initial_end) send_bookmark(true);
        for (const StoreEvent& event : std::exchange(backlog_, {})) send(event);
    }

    void send(const StoreEvent& event) {
        if (is_over_) return;
        if (!has_begun_) {
            if (backlog_.size() == backlog_max) {
                return end_with({ErrorKind::gone, "the watch cannot keep up: list again"});
            }
            return backlog_.push_back(event);
        }
        version_ = event.object.resource_version();
        write(name_of(event.kind), shown(event.object));
    }

    json::Object shown(const Object& object) const {
        switch (options_.wanted.form) {
            case Form::object:
                return object.document();
            case Form::metadata:
                return partial_metadata(object);
            case Form::table:
                return make_table(
                    *options_.query.type,
                    {object},
                    loop_.now(),
                    options_.included,
                    options_.wanted.table_version);
        }
        return {};
    }

    void write(std::string_view type, json::Object object) {
        const json::Object event{{"type", type}, {"object", std::move(object)}};
        // Refused when the client is gone or too slow; on_closed then follows.
        static_cast<void>(stream_->write(json::print(event) + "\n"));
    }

    void wait_for_bookmark() {
        bookmark_ = loop_.after(bookmark_interval, [weak = weak_from_this()] {
            const auto self = weak.lock();
            if (self == nullptr) return;
            if (self->has_begun_) self->send_bookmark(false);
            self->wait_for_bookmark();
        });
    }

    void send_bookmark(bool is_initial_end) {
        Object bookmark(*options_.query.type, "", "");
        bookmark.put("/metadata/resourceVersion", json::string(version_));
        if (is_initial_end) bookmark.set_annotation("k8s.io/initial-events-end", "true");
        write("BOOKMARK", shown(bookmark));
    }

    void end_with(const Error& error) {
        write("ERROR", status_object(failure_of(error, {.type = options_.query.type})));
        end();
    }

    void end() {
        is_over_ = true;
        stream_->end();
        end_();
    }

    EventLoop& loop_;
    WatchOptions options_;
    std::vector<Object> first_;
    size_t first_sent_ = 0;
    std::vector<StoreEvent> backlog_;
    bool has_begun_ = false;  // All of first_ has been written.
    bool is_over_ = false;
    std::string version_;
    std::unique_ptr<net::HttpStream> stream_;
    std::unique_ptr<WatchHandle> handle_;
    EventLoop::Watch timeout_;
    EventLoop::Watch bookmark_;
    std::function<void()> end_;
};

}  // namespace

void start_watch(
    EventLoop& loop,
    ObjectStore& store,
    Sessions& sessions,
    WatchOptions options,
    net::HttpResponder& responder) {
    const ResourceType* type = options.query.type;
    const auto session = std::make_shared<WatchSession>(loop, std::move(options));
    if (const auto opened = session->open(store); !opened) {
        return responder.send(response_of(failure_of(opened.error(), {.type = type})));
    }
    session->start(responder, sessions.keep(session));
}

}  // namespace serin::server
