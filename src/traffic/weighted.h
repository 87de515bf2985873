#pragma once

#include "base/json.h"
#include "model/split.h"
#include "ports/traffic.h"

#include <string_view>

namespace serin::traffic {

// Both sides of a split in a list of weighted services: [{"name": "shop-canary", "weight": 5}].
// Null for a side that is not there.
struct WeightedPair {
    json::Object* stable = nullptr;
    json::Object* candidate = nullptr;

    bool is_whole() const { return stable != nullptr && candidate != nullptr; }
    Split read() const;                     // REQUIRES: is_whole().
    void write(const Split& wanted) const;  // REQUIRES: is_whole().
};

// `name` is the member that names the service. `list` may be null.
WeightedPair find_pair(json::Array* list, std::string_view name, const RouteTarget& target);

}  // namespace serin::traffic
