#include "ports/routing_types.h"
#include "traffic/routing_apis.h"
#include "traffic/weighted.h"

namespace serin::traffic {

namespace {

ObjectKey service_key(const RouteTarget& target) {
    return {
        .type = &routing_type("TraefikService"),
        .ns = target.ns,
        .name = config_text(target.config, "/weightedTraefikServiceName")};
}

Result<WeightedPair> pair_in(Object& service, const RouteTarget& target) {
    json::Array* list = nullptr;
    if (json::Value* spec = service.document().if_contains("spec"); spec && spec->is_object()) {
        json::Value* weighted = spec->as_object().if_contains("weighted");
        if (weighted != nullptr) list = array_in(*weighted, "services");
    }
    const WeightedPair pair = find_pair(list, "name", target);
    if (pair.is_whole()) return pair;
    return fail(
        ErrorKind::invalid,
        "TraefikService \"" + std::string(service.name()) +
            "\" has no spec.weighted.services with " + target.stable_service + " and " +
            target.candidate_service);
}

}  // namespace

std::vector<ObjectKey> TraefikApi::objects(const RouteTarget& target) const {
    return {service_key(target)};
}

Result<SplitSeen> TraefikApi::read(const Objects& now, const RouteTarget& target) const {
    SERIN_TRY(const Object* const found, needed(now, service_key(target)));
    Object service = *found;
    SERIN_TRY(const WeightedPair pair, pair_in(service, target));
    return SplitSeen{.written = pair.read(), .is_settled = true};
}

Result<Objects> TraefikApi::write(
    Objects now, const RouteTarget& target, const Split& wanted) const {
    SERIN_TRY(Object* const service, needed(now, service_key(target)));
    SERIN_TRY(const WeightedPair pair, pair_in(*service, target));
    pair.write(wanted);
    return now;
}

}  // namespace serin::traffic
