#pragma once

#include "base/json.h"
#include "base/result.h"

#include <string_view>

namespace serin::server {

// Some commands of recent kubectl (create configmap, secret, namespace, service) send
// "application/vnd.kubernetes.protobuf" and nothing else. Reads the types they make. Fails with
// `invalid` for other types, for fields it does not know (none is dropped silently), and for
// malformed bytes.
Result<json::Object> read_kubernetes_protobuf(std::string_view body);

}  // namespace serin::server
