#pragma once

#include "gateway/model.h"

namespace serin::gateway {

inline constexpr std::string_view class_name = "serin";
inline constexpr std::string_view controller_name = "serin.dev/gateway";

struct Listener {
    std::string name;
    std::string protocol;  // "HTTP", "HTTPS" or what was written.
    std::string host;      // Lower case; empty: any.
    int port = 0;
    bool from_all_namespaces = false;
    std::vector<Certificate> certificates;
    std::optional<Problem> problem;              // Not served because of this.
    std::optional<Problem> certificate_problem;  // Not served: a certificateRef is no good.
};

struct GatewaySpec {
    ObjectKey key;
    std::int64_t generation = 0;
    std::string created;
    std::string address;
    std::vector<Listener> listeners;
    std::optional<Problem> problem;
};

// One Gateway as it is written. `secrets` are the Secrets of all namespaces.
GatewaySpec read_gateway(
    const Object& gateway,
    const std::string& default_address,
    const std::map<ObjectKey, const Object*>& secrets);

// The Secrets that its listeners name.
std::vector<ObjectKey> certificate_keys(const Object& gateway);

// A certificate with its key out of a Secret kubernetes.io/tls; `invalid` when they do not fit
// each other or cannot be read.
Result<Certificate> read_certificate(const Object& secret);

// "*.example" and "shop.example" -> "shop.example"; nothing when they exclude each other. An empty
// name is any host.
std::optional<std::string> intersect_hosts(const std::string& left, const std::string& right);

}  // namespace serin::gateway
