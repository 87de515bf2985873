#include "sim/shrink.h"

#include <algorithm>
#include <numeric>

namespace serin::sim {

namespace {

std::vector<std::size_t> without(
    const std::vector<std::size_t>& parts, std::size_t from, std::size_t count) {
    std::vector<std::size_t> rest = parts;
    const auto begin = rest.begin() + static_cast<std::ptrdiff_t>(from);
    rest.erase(begin, begin + static_cast<std::ptrdiff_t>(std::min(count, rest.size() - from)));
    return rest;
}

}  // namespace

// Large pieces first, then smaller ones, until a round of single parts takes nothing away.
std::vector<std::size_t> shrink(
    const Scenario& scenario, const std::function<bool(const Scenario&)>& fails, int tries_max) {
    std::vector<std::size_t> kept(scenario.parts());
    std::iota(kept.begin(), kept.end(), std::size_t{0});
    std::size_t piece = std::max<std::size_t>(1, kept.size() / 2);
    for (bool has_shrunk = true; has_shrunk || piece > 1;) {
        if (!has_shrunk) piece = std::max<std::size_t>(1, piece / 2);
        has_shrunk = false;
        for (std::size_t from = 0; from < kept.size();) {
            if (--tries_max < 0) return kept;
            std::vector<std::size_t> fewer = without(kept, from, piece);
            if (fails(scenario.with_parts(fewer))) {
                kept = std::move(fewer);
                has_shrunk = true;
            } else {
                from += piece;
            }
        }
    }
    return kept;
}

}  // namespace serin::sim
