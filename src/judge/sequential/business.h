#pragma once

#include "judge/sequential/judge.h"

#include <string_view>

// Business outcomes that a header of the answer tells: "x-checkout: ok".

namespace serin::judge::sequential {

// Fills in what the answer's headers tell of each metric. `find(name)` gives a header's value, ""
// for none.
template <class Find>
void read_business_outcomes(const Spec& spec, const Find& find, Outcome& into);

// Empty: the value tells nothing (there is none, or a number was expected).
std::optional<bool> is_good(const MetricSpec& spec, std::string_view value);

template <class Find>
void read_business_outcomes(const Spec& spec, const Find& find, Outcome& into) {
    for (std::size_t i = 0; i < spec.metrics.size(); ++i) {
        const MetricSpec& metric = spec.metrics[i];
        if (metric.header.empty()) continue;
        const auto good = is_good(metric, find(std::string_view(metric.header)));
        if (!good) continue;
        const auto bit = static_cast<std::uint16_t>(1U << i);
        into.told |= bit;
        if (*good) into.good |= bit;
    }
}

}  // namespace serin::judge::sequential
