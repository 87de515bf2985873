#pragma once

#include "model/split.h"

#include <cstdint>
#include <vector>

namespace serin::traffic {

// Weights as a split of their sum, in the parts that plans count in where that is exact.
Split split_of(std::int64_t candidate, std::int64_t stable, std::vector<SplitShare> others);

// Whether `left` gives the candidate more.
bool gives_more(const Split& left, const Split& right);
bool is_same_share(const Split& left, const Split& right);

// What is left to the stable side.
int stable_weight(const Split& split);

}  // namespace serin::traffic
