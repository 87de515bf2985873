#pragma once

#include "base/diagnostic.h"
#include "base/json.h"
#include "base/result.h"
#include "net/http_message.h"
#include "ports/object.h"

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Failures as the Kubernetes API tells them: a Status object whose reason and details clients react
// to and whose message people know.

namespace serin::server {

struct Failure {
    int code = 500;
    std::string reason = "InternalError";
    std::string message;
    json::Object details;
    std::optional<int> retry_after_seconds;
};

template <class T = void>
using Answer = std::expected<T, Failure>;

// What a failed operation was about; names and kinds are shown in its message.
struct Subject {
    const ResourceType* type = nullptr;
    std::string name;  // Empty: the collection.
};

// `rollouts.argoproj.io "x" not found` and its like, by the error's kind.
Failure failure_of(const Error& error, const Subject& subject);
// 422 with one cause for each error among the diagnostics.
Failure invalid_object(const std::vector<Diagnostic>& diagnostics, const Subject& subject);

Failure bad_request(std::string message);
Failure unauthorized(std::string message);
Failure forbidden(std::string message);
Failure unknown_path();
Failure method_not_allowed(const std::string& method, const std::string& path);
Failure unsupported_media_type(const std::string& message);
Failure not_acceptable();

// {"kind": "Status", "status": "Failure", ...}.
json::Object status_object(const Failure& failure);
// The Status as a response.
net::HttpServerResponse response_of(const Failure& failure);

net::HttpServerResponse json_response(const json::Value& body, int status = 200);

}  // namespace serin::server
