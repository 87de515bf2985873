#pragma once

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "model/split.h"
#include "ports/object.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace serin {

// What a router can do, so that a manifest is refused before a release starts and not at the step
// that needs more.
struct RouterLimits {
    int weight_max = 100;
    bool can_match_headers = false;
    bool can_mirror = false;
    bool can_verify = false;  // observe() knows what is in force, not only what was written.
};

// A request's text that has to be equal, begin so or match as a whole.
struct TextMatch {
    enum class Kind { exact, prefix, regex };
    Kind kind = Kind::exact;
    std::string value;
    friend bool operator==(const TextMatch&, const TextMatch&) = default;
};

// Everything that is given has to match.
struct RequestShape {
    std::string method;  // Empty: any.
    std::optional<TextMatch> path;
    std::map<std::string, TextMatch> headers;  // By name.
    friend bool operator==(const RequestShape&, const RequestShape&) = default;
};

// What a step of the plan says of a side route.
struct SideRouteShape {
    enum class Kind { headers, mirror };
    std::string name;
    int step = 0;
    Kind kind = Kind::headers;
    std::vector<RequestShape> matches;  // One of them; those of a header route have headers only.
    int percent = 100;                  // Of a mirror: so many of the requests are copied.
    friend bool operator==(const SideRouteShape&, const SideRouteShape&) = default;
};

// The services between which a router splits, and where to find its objects.
struct RouteTarget {
    std::string ns;
    std::string stable_service;
    std::string candidate_service;
    json::Object config;  // The router's part of the manifest: {"httpRoute": "shop"}.
    std::vector<std::string> managed_routes;  // Names of routes that are the release's alone.
    std::vector<SideRouteShape> side_routes;  // Of all steps.
    std::string release;                      // Name of the Rollout.
    std::string plugin;  // Of the router, where it is a program; its config is `config`.
    // Its key in the manifest, "nginx", where it is neither a program nor the Gateway API.
    std::string router;
    // The sides are told apart by objects of the router: see TrafficRouter::sides().
    bool has_sides = false;
};

// To which revisions the sides of a split lead; empty where nothing says so.
struct SidesSeen {
    std::string stable;
    std::string candidate;
    friend bool operator==(const SidesSeen&, const SidesSeen&) = default;
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
    // Idempotent, as apply(). Side routes that are not `wanted` end.
    virtual Result<> apply_side_routes(
        const RouteTarget& target, const std::vector<SideRoute>& wanted) {
        if (wanted.empty() && target.managed_routes.empty()) return {};
        return fail(ErrorKind::invalid, "the router has no header or mirror routes");
    }

    // Of objects(), whose changes have to be watched.
    virtual std::vector<const ResourceType*> kinds() const { return {&types::http_route()}; }
    // Puts back what somebody changed in the objects beside weights, which stay as they are: a copy
    // that has to follow its original, a label. Idempotent.
    virtual Result<> keep(const RouteTarget& /*target*/) { return {}; }

    // Some routers lead to revisions themselves (Istio's subsets), beside Services or without
    // any: for targets that say has_sides.
    virtual Result<SidesSeen> sides(const RouteTarget& /*target*/) const { return SidesSeen{}; }
    // Idempotent, as apply().
    virtual Result<> point_sides(const RouteTarget& /*target*/, const SidesSeen& /*wanted*/) {
        return fail(ErrorKind::invalid, "the router leads to Services only");
    }
};

}  // namespace serin
