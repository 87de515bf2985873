#include "ports/routing_types.h"
#include "traffic/routing_apis.h"

#include <algorithm>
#include <utility>

namespace serin::traffic {

namespace {

struct Pair {
    ObjectKey base;
    ObjectKey canary;
};

// A Mapping and its copy in each version that a cluster may serve.
using Versions = std::vector<Pair>;

std::vector<Versions> versions_of(const RouteTarget& target) {
    constexpr std::size_t base_max = 246;  // So that the canary's name has at most 253 letters.
    std::vector<Versions> all;
    for (const std::string& name : names_in(target.config, "", "mappings")) {
        Versions& versions = all.emplace_back();
        for (const ResourceType* type : routing_versions("Mapping")) {
            versions.push_back(
                {{.type = type, .ns = target.ns, .name = name},
                 {.type = type, .ns = target.ns, .name = name.substr(0, base_max) + "-canary"}});
        }
    }
    return all;
}

// In the first version that has them. A cluster that serves several shows the same objects in each.
std::vector<Pair> pairs_in(const Objects& now, const RouteTarget& target) {
    std::vector<Pair> pairs;
    for (const Versions& versions : versions_of(target)) {
        const auto found = std::ranges::find_if(
            versions, [&](const Pair& pair) { return now.contains(pair.base); });
        pairs.push_back(found == versions.end() ? versions.front() : *found);
    }
    return pairs;
}

// "http://shop-stable.shop:80" with another Service; `invalid` where it is not the stable one.
Result<std::string> canary_service(const Object& base, const RouteTarget& target) {
    const std::string_view text = base.text("/spec/service");
    const auto scheme = text.find("://");
    const std::size_t begin = scheme == std::string_view::npos ? 0 : scheme + 3;
    const std::size_t end = std::min(text.find_first_of(".:/", begin), text.size());
    if (text.substr(begin, end - begin) == target.stable_service) {
        return std::string(text.substr(0, begin)) + target.candidate_service +
               std::string(text.substr(end));
    }
    return fail(
        ErrorKind::invalid,
        "Mapping \"" + std::string(base.name()) + "\" leads to \"" + std::string(text) +
            "\" and not to Service \"" + target.stable_service + "\"");
}

Result<> check_base(const Object& base, const RouteTarget& target) {
    SERIN_TRY_DO(canary_service(base, target));
    const json::Value* weight = base.find("/spec/weight");
    if (weight == nullptr || weight->is_null()) return {};
    return fail(
        ErrorKind::invalid,
        "Mapping \"" + std::string(base.name()) +
            "\" has a weight of its own: remove spec.weight, the canary's Mapping gets one");
}

}  // namespace

std::vector<ObjectKey> AmbassadorApi::objects(const RouteTarget& target) const {
    std::vector<ObjectKey> keys;
    for (Versions& versions : versions_of(target)) {
        for (Pair& pair : versions) {
            keys.push_back(std::move(pair.base));
            keys.push_back(std::move(pair.canary));
        }
    }
    return keys;
}

Result<SplitSeen> AmbassadorApi::read(const Objects& now, const RouteTarget& target) const {
    Readings readings;
    for (const Pair& pair : pairs_in(now, target)) {
        SERIN_TRY(const Object* const base, needed(now, pair.base));
        SERIN_TRY_DO(check_base(*base, target));
        SERIN_TRY_DO(check_own(now, pair.canary, target));
        const auto canary = now.find(pair.canary);
        Split split;
        if (canary != now.end()) {
            const auto weight = canary->second.integer("/spec/weight");
            split.candidate = static_cast<int>(std::clamp<std::int64_t>(weight, 0, 100));
        }
        readings.add(split);
    }
    return readings.seen;
}

// A canary without a weight is no Mapping at all: without one Ambassador would give it a share.
Result<Objects> AmbassadorApi::write(
    Objects now, const RouteTarget& target, const Split& wanted) const {
    for (const Pair& pair : pairs_in(now, target)) {
        SERIN_TRY(const Object* const base, needed(std::as_const(now), pair.base));
        SERIN_TRY_DO(check_base(*base, target));
        SERIN_TRY_DO(check_own(now, pair.canary, target));
        if (wanted.candidate == 0) {
            now.erase(pair.canary);
            continue;
        }
        SERIN_TRY(const std::string service, canary_service(*base, target));
        Object canary = now.contains(pair.canary)
                            ? now.at(pair.canary)
                            : Object(*pair.canary.type, pair.canary.ns, pair.canary.name);
        canary.put("/spec", *base->find("/spec"));
        canary.put("/spec/service", json::string(service));
        canary.put("/spec/weight", wanted.candidate);
        now[pair.canary] = std::move(canary);
    }
    return now;
}

}  // namespace serin::traffic
