#pragma once

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "ports/object.h"

#include <map>
#include <optional>
#include <string>

namespace serin {

// What a router can do, so that a manifest is refused before a release starts and not at the step
// that needs more.
struct RouterLimits {
    int weight_max = 100;
    bool can_match_headers = false;
    bool can_mirror = false;
    bool can_verify = false;  // observe() knows what is in force, not only what was written.
};

// The split between the services of one release, in parts of `total`.
struct Split {
    int candidate = 0;
    int total = 100;
    friend bool operator==(const Split&, const Split&) = default;
};

struct SplitSeen {
    Split written;  // What the router object asks for.
    // What the data plane was last seen to do; empty when it has never confirmed anything. While
    // it differs from `written`, either may hold for a given request.
    std::optional<Split> in_force;
    bool is_settled = false;  // in_force is `written`, confirmed for the object's latest version.
};

// The services between which a router splits, and where to find its objects.
struct RouteTarget {
    std::string ns;
    std::string stable_service;
    std::string candidate_service;
    json::Object config;  // The router's part of the manifest: {"httpRoute": "shop"}.
};

// Turns exposure into objects of one routing API and reads back what is in force. Owns only its own
// rules and refuses to write what it does not understand.
class TrafficRouter {
public:
    virtual ~TrafficRouter() = default;

    virtual RouterLimits limits() const = 0;
    // The objects whose change may change observe()'s answer.
    virtual Result<std::vector<ObjectKey>> objects(const RouteTarget& target) const = 0;
    virtual Result<SplitSeen> observe(const RouteTarget& target) const = 0;
    // Idempotent. Success means accepted, not in force; the loop observes until both agree.
    // `unavailable` and `conflict` are retried; any other kind holds the release for a person.
    virtual Result<> apply(const RouteTarget& target, Split wanted) = 0;
};

}  // namespace serin
