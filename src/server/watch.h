#pragma once

#include "net/http_server.h"
#include "ports/event_loop.h"
#include "ports/object_store.h"
#include "server/media.h"
#include "server/sessions.h"
#include "server/table.h"

#include <memory>
#include <string>

namespace serin::server {

struct WatchOptions {
    ListQuery query;
    std::string from;  // Empty or "0": what there is now as ADDED events first.
    bool allows_bookmarks = false;
    bool sends_initial_end = false;  // A bookmark ends the first events (sendInitialEvents).
    Duration timeout{0};
    Wanted wanted;
    Included included = Included::metadata;
};

// Answers a watch request: a stream of {"type", "object"} lines until the client leaves, the time
// is up, or the store's history is outrun (an ERROR event with a Status of 410). A client that
// reads too slowly loses its stream and comes back with the last version it has seen.
void start_watch(
    EventLoop& loop,
    ObjectStore& store,
    Sessions& sessions,
    WatchOptions options,
    net::HttpResponder& responder);

}  // namespace serin::server
