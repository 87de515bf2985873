#include "traffic/shares.h"

#include <algorithm>
#include <string>
#include <utility>

namespace serin::traffic {

Split split_of(std::int64_t candidate, std::int64_t stable, std::vector<SplitShare> others) {
    std::int64_t total = candidate + stable;
    for (const SplitShare& other : others) total += other.weight;
    if (total == 0) return {.candidate = 0, .total = 100};
    std::erase_if(others, [](const SplitShare& other) { return other.weight == 0; });
    std::ranges::sort(others, {}, &SplitShare::service);
    const bool is_exact =
        candidate * 100 % total == 0 && std::ranges::all_of(others, [&](const SplitShare& other) {
            return std::int64_t{other.weight} * 100 % total == 0;
        });
    if (!is_exact) {
        return {
            .candidate = static_cast<int>(candidate),
            .total = static_cast<int>(total),
            .others = std::move(others)};
    }
    for (SplitShare& other : others)
        other.weight = static_cast<int>(std::int64_t{other.weight} * 100 / total);
    return {
        .candidate = static_cast<int>(candidate * 100 / total),
        .total = 100,
        .others = std::move(others)};
}

bool gives_more(const Split& left, const Split& right) {
    return std::int64_t{left.candidate} * right.total > std::int64_t{right.candidate} * left.total;
}

bool is_same_share(const Split& left, const Split& right) {
    return !gives_more(left, right) && !gives_more(right, left) &&
           std::ranges::equal(left.others, right.others, [&](const auto& one, const auto& other) {
               return one.service == other.service && std::int64_t{one.weight} * right.total ==
                                                          std::int64_t{other.weight} * left.total;
           });
}

int stable_weight(const Split& split) {
    int stable = split.total - split.candidate;
    for (const SplitShare& other : split.others) stable -= other.weight;
    return std::max(0, stable);
}

}  // namespace serin::traffic
