#pragma once

#include "base/result.h"
#include "ports/http_client.h"

#include <optional>
#include <string>

namespace serin::metrics {

// Where an answer sends the request: a URL to ask with the same request, empty when it is an
// answer. To another host, or from TLS to none, goes only what has neither header, body nor
// password: none of it is for others to see. Requests with a body follow only where the server says
// to repeat them (307 and 308). `invalid` tells a redirect that is not followed.
Result<std::optional<std::string>> redirect_of(
    const HttpRequest& request, const HttpResponse& response);

}  // namespace serin::metrics
