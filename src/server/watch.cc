#include "server/watch.h"

#include <utility>

namespace serin::server {

namespace {

constexpr Duration bookmark_interval{60'000};

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
        for (Object& object : std::exchange(first_, {})) {
            send({EventKind::added, std::move(object)});
        }
        if (options_.sends_initial_end) send_bookmark(true);
        const auto weak = weak_from_this();
        timeout_ = loop_.after(options_.timeout, [weak] {
            if (const auto self = weak.lock()) self->end();
        });
        if (options_.allows_bookmarks) wait_for_bookmark();
    }

private:
    void send(const StoreEvent& event) {
        if (stream_ == nullptr) return;
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
            self->send_bookmark(false);
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
        stream_->end();
        handle_.reset();
        end_();
    }

    EventLoop& loop_;
    WatchOptions options_;
    std::vector<Object> first_;
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
