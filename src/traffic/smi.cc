#include "ports/routing_types.h"
#include "traffic/routing_apis.h"
#include "traffic/shares.h"

#include <utility>

namespace serin::traffic {

namespace {

ObjectKey split_key(const RouteTarget& target) {
    return {
        .type = &routing_type("TrafficSplit"),
        .ns = target.ns,
        .name = config_text(target.config, "/trafficSplitName", target.release)};
}

Split read_backends(const Object& object, const RouteTarget& target) {
    std::int64_t candidate = 0;
    std::int64_t stable = 0;
    std::vector<SplitShare> others;
    const json::Array* backends = json::array(object.find("/spec/backends"));
    if (backends == nullptr) return {};
    for (const json::Value& backend : *backends) {
        const std::string service(text_at(backend, "/service"));
        const auto weight = json::integer(json::find(backend, "/weight")).value_or(0);
        if (service == target.candidate_service) {
            candidate = weight;
        } else if (service == target.stable_service) {
            stable = weight;
        } else {
            others.push_back({service, static_cast<int>(weight)});
        }
    }
    return split_of(candidate, stable, std::move(others));
}

}  // namespace

std::vector<ObjectKey> SmiApi::objects(const RouteTarget& target) const {
    return {split_key(target)};
}

// Without a TrafficSplit its service leads to what it selects: the stable side.
Result<SplitSeen> SmiApi::read(const Objects& now, const RouteTarget& target) const {
    const ObjectKey key = split_key(target);
    SERIN_TRY_DO(check_own(now, key, target));
    const auto found = now.find(key);
    SplitSeen seen{.is_settled = true};
    if (found != now.end()) seen.written = read_backends(found->second, target);
    return seen;
}

Result<Objects> SmiApi::write(Objects now, const RouteTarget& target, const Split& wanted) const {
    const ObjectKey key = split_key(target);
    SERIN_TRY_DO(check_own(now, key, target));
    const auto backend = [](const std::string& service, int weight) {
        return json::Object{{"service", json::string(service)}, {"weight", weight}};
    };
    json::Array backends{backend(target.candidate_service, wanted.candidate)};
    for (const SplitShare& other : wanted.others) {
        backends.emplace_back(backend(other.service, other.weight));
    }
    backends.emplace_back(backend(target.stable_service, stable_weight(wanted)));
    Object split = now.contains(key) ? now.at(key) : Object(*key.type, key.ns, key.name);
    split.put(
        "/spec/service",
        json::string(config_text(target.config, "/rootService", target.stable_service)));
    split.put("/spec/backends", std::move(backends));
    now[key] = std::move(split);
    return now;
}

}  // namespace serin::traffic
