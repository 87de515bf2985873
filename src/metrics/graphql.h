#pragma once

#include "base/json.h"
#include "base/result.h"
#include "ports/http_client.h"

#include <string>
#include <string_view>

// GraphQL over HTTP, as far as questions need it.

namespace serin::metrics {

HttpRequest graphql_request(
    const std::string& url, std::string_view document, json::Object variables);

// The member `data`. Errors that the server lists are `invalid`, also with an answer beside them:
// half an answer must not be judged.
Result<json::Value> read_graphql_answer(const HttpResponse& response);

}  // namespace serin::metrics
