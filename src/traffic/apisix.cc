#include "ports/routing_types.h"
#include "traffic/routing_apis.h"
#include "traffic/weighted.h"

#include <algorithm>
#include <utility>

namespace serin::traffic {

namespace {

ObjectKey route_key(const RouteTarget& target) {
    return {
        .type = &routing_type("ApisixRoute"),
        .ns = target.ns,
        .name = config_text(target.config, "/route/name")};
}

// Without a list: the one that has the route's name.
std::vector<std::string> rule_names(const RouteTarget& target) {
    const json::Object* route = json::object(target.config.if_contains("route"));
    std::vector<std::string> names;
    if (route != nullptr) names = names_in(*route, "", "rules");
    if (names.empty()) names.push_back(route_key(target).name);
    return names;
}

Result<std::vector<WeightedPair>> pairs_in(Object& route, const RouteTarget& target) {
    json::Value* spec = route.document().if_contains("spec");
    json::Array* rules = spec != nullptr ? array_in(*spec, "http") : nullptr;
    std::vector<WeightedPair> pairs;
    for (const std::string& name : rule_names(target)) {
        WeightedPair pair;
        for (std::size_t i = 0; rules != nullptr && i < rules->size(); ++i) {
            if (text_at((*rules)[i], "/name") != name) continue;
            pair = find_pair(array_in((*rules)[i], "backends"), "serviceName", target);
        }
        if (!pair.is_whole()) {
            return fail(
                ErrorKind::invalid,
                "ApisixRoute \"" + std::string(route.name()) + "\" has no rule \"" + name +
                    "\" with backends " + target.stable_service + " and " +
                    target.candidate_service);
        }
        pairs.push_back(pair);
    }
    return pairs;
}

}  // namespace

std::vector<ObjectKey> ApisixApi::objects(const RouteTarget& target) const {
    return {route_key(target)};
}

Result<SplitSeen> ApisixApi::read(const Objects& now, const RouteTarget& target) const {
    SERIN_TRY(const Object* const found, needed(now, route_key(target)));
    Object route = *found;
    SERIN_TRY(const auto pairs, pairs_in(route, target));
    Readings readings;
    for (const WeightedPair& pair : pairs) readings.add(pair.read());
    return readings.seen;
}

Result<Objects> ApisixApi::write(
    Objects now, const RouteTarget& target, const Split& wanted) const {
    SERIN_TRY(Object* const route, needed(now, route_key(target)));
    SERIN_TRY(const auto pairs, pairs_in(*route, target));
    for (const WeightedPair& pair : pairs) pair.write(wanted);
    return now;
}

}  // namespace serin::traffic
