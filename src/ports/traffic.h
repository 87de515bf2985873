#pragma once

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "model/split.h"
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
