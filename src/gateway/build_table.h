#pragma once

#include "gateway/model.h"

#include <span>

// The objects to a routing table: which listener serves which rule in which order, and which pods
// are behind each Service. Pure; no object is changed and nothing is asked of the data plane.

namespace serin::gateway {

struct World {
    std::vector<Object> gateways;
    std::vector<Object> routes;
    std::vector<Object> services;
    std::vector<Object> pods;
    std::vector<Object> secrets;
    // Routes that HAProxy would not take, with what it said, at the generation it said it of.
    struct Refusal {
        std::int64_t generation = 0;
        std::string message;
    };
    std::map<ObjectKey, Refusal> refused;
    std::vector<NumberedWish> wishes;           // For copies.
    std::string default_address = "127.0.0.1";  // Of a Gateway that names none.
};

RoutingTable build_table(const World& world);

// Gateway API's precedence: the more specific host, then exact path, longer prefix, regular
// expression, method, number of headers, number of query parameters. Zero: equally specific.
std::strong_ordering compare_precedence(const Entry& left, const Entry& right);

// Whether a pod may be sent new requests: Ready, with an address, not being deleted.
bool may_serve(const Object& pod);

}  // namespace serin::gateway
