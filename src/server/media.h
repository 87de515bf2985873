#pragma once

#include "net/http_message.h"
#include "server/failure.h"

#include <string_view>

// Which form of an answer the client wants, and what it has sent.

namespace serin::server {

enum class Form { object, table, metadata };

struct Wanted {
    Form form = Form::object;
    std::string_view table_version = "v1";  // Of meta.k8s.io: "v1" or, for old clients, "v1beta1".
};

// The first form of the Accept header that we can serve. 406 when there is none.
Answer<Wanted> read_accept(const net::HttpServerRequest& request);

// The content type without parameters, in lower case; "application/json" when there is none.
std::string content_type(const net::HttpServerRequest& request);

// The body as an object: JSON, or YAML or Kubernetes' protobuf where the content type says so.
// 415 and 400.
Answer<json::Object> read_body(const net::HttpServerRequest& request);

}  // namespace serin::server
