#pragma once

#include "gateway/model.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

// Weights to ranges of a random number, and back. A rule's split is a table of consecutive ranges
// over 0..split_parts-1, each with the backend that serves the requests whose number falls in it;
// the data plane exchanges such a table in one step.

namespace serin::gateway {

inline constexpr std::int64_t split_parts = 1'000'000;

struct Range {
    std::int64_t first = 0;
    std::int64_t last = 0;
    std::string backend;
    friend bool operator==(const Range&, const Range&) = default;
};
using Ranges = std::vector<Range>;

// The backend of requests that nothing can serve: a plain 500, as Gateway API has it.
inline constexpr std::string_view no_backend = "serin.none";

// Targets whose backend has no endpoint get weight 0 while another one with a weight has some:
// their share goes to the others. When no target has endpoints, the weights stay as written.
std::vector<Target> servable_targets(
    const std::vector<Target>& targets, const std::map<std::string, Backend>& backends);

// Covers 0..split_parts-1 exactly; a positive weight gets at least its rounded-down share. All
// requests go to no_backend when no target has a weight.
Ranges ranges_of(const std::vector<Target>& targets);

// "0:949999 default.shop-stable.80\n950000:999999 default.shop-canary.80\n".
std::string print_ranges(const Ranges& ranges);
// Reads `show map`'s answer (each line led by an address). Lines of another form are skipped, so
// the result then differs from what was written.
Ranges parse_ranges(std::string_view shown);

}  // namespace serin::gateway
