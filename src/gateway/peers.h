#pragma once

#include "gateway/status.h"
#include "ports/object.h"

#include <cstdint>
#include <set>

namespace serin::gateway {

// The gateways that take requests beside this one, as it asks them and tells them. What is in
// force is what all of them do, and one of them says so for all.
class Peers {
public:
    virtual ~Peers() = default;

    // Whether this one writes statuses; asked before each.
    virtual bool speaks() const = 0;
    // What is in force here, of this generation of the route.
    virtual void tell(const ObjectKey& route, std::int64_t generation, const InForce& in_force) = 0;
    // Routes that are not served here any more are not spoken of.
    virtual void keep_only(const std::set<ObjectKey>& routes) = 0;
    // Whether everybody who takes requests has told the same.
    virtual bool agree(
        const ObjectKey& route, std::int64_t generation, const InForce& in_force) const = 0;
};

}  // namespace serin::gateway
