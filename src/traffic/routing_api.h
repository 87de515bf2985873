#pragma once

#include "base/result.h"
#include "ports/object.h"
#include "ports/traffic.h"

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Ingress controllers and meshes as pure functions of their objects: what is read there, and what
// the objects have to be for a split. Who carries it out is traffic/object_router.h.

namespace serin::traffic {

// Objects as they are, or as they are to be. One that is not there is not in it.
using Objects = std::map<ObjectKey, Object>;

class RoutingApi {
public:
    virtual ~RoutingApi() = default;

    // All that is read or written.
    virtual std::vector<ObjectKey> objects(const RouteTarget& target) const = 0;
    // The split that is written. What the router's controller does with it nobody tells: `in_force`
    // and `is_settled` are set by whoever asks. `not_found` without an object that a person has to
    // write, `invalid` for one that does not lead to both sides.
    virtual Result<SplitSeen> read(const Objects& now, const RouteTarget& target) const = 0;
    // `now` with `wanted` in it: objects to be made are added, others are removed, and what is not
    // the release's own stays as it is. Errors as read().
    virtual Result<Objects> write(
        Objects now, const RouteTarget& target, const Split& wanted) const = 0;
    // The same for side routes.
    virtual Result<Objects> write_side_routes(
        Objects now, const RouteTarget& target, const std::vector<SideRoute>& wanted) const;

    // See TrafficRouter.
    virtual Result<SidesSeen> sides(const Objects& now, const RouteTarget& target) const;
    virtual Result<Objects> point_sides(
        Objects now, const RouteTarget& target, const SidesSeen& wanted) const;
};

// Null for a router that is not known. `name` is its key in trafficRouting.
const RoutingApi* routing_api(std::string_view name);

// What the implementations share.

// `not_found`, saying what may be missing: the object, or the kind.
Result<const Object*> needed(const Objects& now, const ObjectKey& key);
Result<Object*> needed(Objects& now, const ObjectKey& key);

// The names in the router's configuration: of `one` if it is there, else of the list `all`.
std::vector<std::string> names_in(
    const json::Object& config, std::string_view one, std::string_view all);

// "shop" in the release's namespace, "shop.other" in another one.
std::pair<std::string, std::string> split_name(std::string_view name, const std::string& ns);

// Text of the configuration.
std::string config_text(
    const json::Object& config, std::string_view pointer, std::string_view otherwise = {});

// Controlled by the release.
bool is_own(const Object& object, const RouteTarget& target);
// `invalid` for an object that is there and belongs to somebody else.
Result<> check_own(const Objects& now, const ObjectKey& key, const RouteTarget& target);

// The array of a member of `object`; null without one.
json::Array* array_in(json::Value& object, std::string_view member);
std::string_view text_at(const json::Value& value, std::string_view pointer);

// The reading of several objects that are to say the same: the one that gives the candidate most.
// `is_settled` tells whether all say it.
struct Readings {
    SplitSeen seen{.is_settled = true};
    bool has_any = false;
    void add(const Split& split);
};

}  // namespace serin::traffic
