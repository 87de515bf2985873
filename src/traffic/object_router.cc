#include "traffic/object_router.h"

#include "ports/routing_types.h"

#include <utility>

namespace serin::traffic {

namespace {

Result<const RoutingApi*> api_of(const RouteTarget& target) {
    if (const RoutingApi* api = routing_api(target.router)) return api;
    return fail(ErrorKind::invalid, target.router + " is not a router that is known");
}

std::unexpected<Error> no_such_kind(const ObjectKey& key) {
    return fail(
        ErrorKind::not_found,
        to_string(key) + ": this cluster has no such kind: install " +
            std::string(key.type->plural) + "." + std::string(key.type->group) + " " +
            std::string(key.type->version));
}

bool is_same(const Object& left, const Object& right) {
    return json::same_objects(left.document(), right.document());
}

}  // namespace

RouterLimits ObjectRouter::limits() const {
    return {.weight_max = 1'000'000, .can_match_headers = true, .can_mirror = true};
}

std::vector<const ResourceType*> ObjectRouter::kinds() const {
    std::vector<const ResourceType*> kinds;
    for (const ResourceType& type : routing_types()) kinds.push_back(&type);
    return kinds;
}

Result<std::vector<ObjectKey>> ObjectRouter::objects(const RouteTarget& target) const {
    SERIN_TRY(const RoutingApi* const api, api_of(target));
    return api->objects(target);
}

Result<Objects> ObjectRouter::load(const RoutingApi& api, const RouteTarget& target) const {
    Objects objects;
    for (ObjectKey& key : api.objects(target)) {
        Result<Object> object = store_.get(key);
        if (object) {
            objects.emplace(std::move(key), *std::move(object));
        } else if (object.error().kind != ErrorKind::not_found) {
            return std::unexpected(std::move(object.error()).within(to_string(key)));
        }
    }
    return objects;
}

Result<SplitSeen> ObjectRouter::observe(const RouteTarget& target) const {
    SERIN_TRY(const RoutingApi* const api, api_of(target));
    SERIN_TRY(const Objects now, load(*api, target));
    SERIN_TRY(SplitSeen seen, api->read(now, target));
    seen.in_force = seen.written;
    return seen;
}

// What is removed comes last: until then requests find what they had.
Result<> ObjectRouter::save(const Objects& before, Objects after, const RouteTarget& target) {
    for (auto& [key, object] : after) {
        const auto former = before.find(key);
        if (former != before.end() && is_same(former->second, object)) continue;
        if (former != before.end()) {
            SERIN_TRY_DO(store_.update(std::move(object)));
            continue;
        }
        SERIN_TRY(const Object rollout, store_.get({&types::rollout(), target.ns, target.release}));
        object.set_controller(rollout);
        const auto created = store_.create(std::move(object));
        if (!created && created.error().kind == ErrorKind::not_found) return no_such_kind(key);
        if (!created) return std::unexpected(created.error());
    }
    for (const auto& [key, object] : before) {
        if (after.contains(key)) continue;
        const auto removed = store_.remove(key, {.uid = std::string(object.uid())});
        if (!removed && removed.error().kind != ErrorKind::not_found) {
            return std::unexpected(removed.error());
        }
    }
    return {};
}

Result<> ObjectRouter::change(const RouteTarget& target, const auto& edit) {
    SERIN_TRY(const RoutingApi* const api, api_of(target));
    SERIN_TRY(const Objects before, load(*api, target));
    SERIN_TRY(Objects after, edit(*api, before));
    return save(before, std::move(after), target);
}

Result<> ObjectRouter::apply(const RouteTarget& target, Split wanted) {
    return change(target, [&](const RoutingApi& api, Objects now) {
        return api.write(std::move(now), target, wanted);
    });
}

Result<> ObjectRouter::apply_side_routes(
    const RouteTarget& target, const std::vector<SideRoute>& wanted) {
    return change(target, [&](const RoutingApi& api, Objects now) {
        return api.write_side_routes(std::move(now), target, wanted);
    });
}

Result<> ObjectRouter::keep(const RouteTarget& target) {
    return change(target, [&](const RoutingApi& api, Objects now) -> Result<Objects> {
        SERIN_TRY(const SplitSeen seen, api.read(now, target));
        return api.write(std::move(now), target, seen.written);
    });
}

Result<SidesSeen> ObjectRouter::sides(const RouteTarget& target) const {
    SERIN_TRY(const RoutingApi* const api, api_of(target));
    SERIN_TRY(const Objects now, load(*api, target));
    return api->sides(now, target);
}

Result<> ObjectRouter::point_sides(const RouteTarget& target, const SidesSeen& wanted) {
    return change(target, [&](const RoutingApi& api, Objects now) {
        return api.point_sides(std::move(now), target, wanted);
    });
}

}  // namespace serin::traffic
