#pragma once

#include "net/http_server.h"
#include "ports/event_loop.h"
#include "ports/log_source.h"
#include "server/api_path.h"
#include "server/sessions.h"

namespace serin::server {

// Answers GET .../pods/<name>/log: the container's lines as text, at the pace of the reader, and
// with follow=true until the container or the reader ends.
void start_log(
    EventLoop& loop,
    LogSource& logs,
    Sessions& sessions,
    const ApiPath& path,
    const net::HttpServerRequest& request,
    net::HttpResponder& responder);

}  // namespace serin::server
