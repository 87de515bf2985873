#include "traffic/weighted.h"

#include "traffic/shares.h"

namespace serin::traffic {

namespace {

std::int64_t weight_of(const json::Object& service) {
    return json::integer(service.if_contains("weight")).value_or(0);
}

}  // namespace

Split WeightedPair::read() const {
    return split_of(weight_of(*candidate), weight_of(*stable), {});
}

void WeightedPair::write(const Split& wanted) const {
    (*candidate)["weight"] = wanted.candidate;
    (*stable)["weight"] = stable_weight(wanted);
}

WeightedPair find_pair(json::Array* list, std::string_view name, const RouteTarget& target) {
    WeightedPair pair;
    if (list == nullptr) return pair;
    for (json::Value& item : *list) {
        if (!item.is_object()) continue;
        json::Object& service = item.as_object();
        const auto text = json::text(service.if_contains(name)).value_or("");
        if (text == target.stable_service) pair.stable = &service;
        if (text == target.candidate_service) pair.candidate = &service;
    }
    return pair;
}

}  // namespace serin::traffic
