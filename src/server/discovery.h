#pragma once

#include "base/json.h"

#include <optional>
#include <string_view>

// What the API serves, as clients discover it and as their validation wants to know it.

namespace serin::server {

// The document at "/api", "/apis", "/apis/<group>", "/api/v1", "/apis/<group>/<version>",
// "/openapi/v3" or "/openapi/v3/...". Empty for any other path.
std::optional<json::Object> discover(std::string_view path);

// The OpenAPI v2 document in gnostic's protobuf form, the only one that clients ask for. It has
// the operations, by which clients know what the server can do, and no schemas: objects are
// validated by the server.
std::string openapi_v2();

// "/version": a version of Kubernetes whose clients speak this API.
json::Object version_info();

}  // namespace serin::server
