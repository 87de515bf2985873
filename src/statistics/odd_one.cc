#include "statistics/odd_one.h"

#include "base/check.h"
#include "statistics/log_space.h"

#include <array>
#include <cmath>

namespace serin::statistics {

namespace {

struct Alternative {
    double share = 0;  // Of odd ones that are the candidate.
    double weight = 0;
};

constexpr std::array<Alternative, 5> alternatives{
    {{.share = 0.45, .weight = 0.1},
     {.share = 0.6, .weight = 0.15},
     {.share = 0.8, .weight = 0.15},
     {.share = 0.95, .weight = 0.2},
     {.share = 1, .weight = 0.4}}};

// Of the field that is the place-th to have an odd one: 1/2, 1/6, 1/12, ... sum up to 1.
double weight_at(std::size_t place) {
    const auto number = static_cast<double>(place);
    return 1 / (number * (number + 1));
}

// What all fields after the first `places` would have.
double weight_after(std::size_t places) {
    return 1 / (static_cast<double>(places) + 1);
}

// ln P(fewer than `times` in n) at a share strictly between 0 and 1.
double ln_fewer(double n, std::uint64_t times, double share) {
    double ln_term = n * std::log1p(-share);
    double ln_sum = ln_zero;
    for (std::uint64_t k = 0; k < times; ++k) {
        ln_sum = ln_add(ln_sum, ln_term);
        const auto seen = static_cast<double>(k);
        ln_term += std::log((n - seen) / (seen + 1)) + logit(share);
    }
    return ln_sum;
}

}  // namespace

double ln_odd_value(const OddCount& count) {
    SERIN_CHECK(count.candidate <= count.found);
    const auto wins = static_cast<double>(count.candidate);
    const auto losses = static_cast<double>(count.found - count.candidate);
    double ln_value = ln_zero;
    for (const Alternative& one : alternatives) {
        if (one.share == 1 && losses > 0) continue;
        double ln_bet = std::log(one.weight) + wins * std::log(3 * one.share);
        if (losses > 0) ln_bet += losses * std::log(1.5 * (1 - one.share));
        ln_value = ln_add(ln_value, ln_bet);
    }
    return ln_value;
}

double ln_odd_value(std::span<const OddCount> fields) {
    double ln_value = std::log(weight_after(fields.size()));
    for (std::size_t i = 0; i < fields.size(); ++i)
        ln_value = ln_add(ln_value, std::log(weight_at(i + 1)) + ln_odd_value(fields[i]));
    return ln_value;
}

std::uint64_t odd_ones_needed(std::span<const OddCount> fields, double alpha) {
    const double ln_goal = -std::log(alpha);
    if (ln_odd_value(fields) >= ln_goal) return 0;
    // What the others are worth stays; the new field's weight comes out of what is not bet yet.
    double ln_rest = std::log(weight_after(fields.size() + 1));
    for (std::size_t i = 0; i < fields.size(); ++i)
        ln_rest = ln_add(ln_rest, std::log(weight_at(i + 1)) + ln_odd_value(fields[i]));
    const double ln_weight = std::log(weight_at(fields.size() + 1));
    std::uint64_t needed = 1;
    while (ln_add(ln_rest, ln_weight + ln_odd_value({.found = needed, .candidate = needed})) <
           ln_goal)
        ++needed;
    return needed;
}

double visible_share(std::uint64_t comparisons, std::uint64_t times, double power) {
    SERIN_CHECK(times >= 1);
    if (comparisons < times) return 1;
    const auto n = static_cast<double>(comparisons);
    const double ln_miss = std::log1p(-power);
    double low = 0;
    double high = 1;
    // The chance to miss it falls as the share grows.
    while (high - low > 1e-6 * high) {
        const double middle = (low + high) / 2;
        if (ln_fewer(n, times, middle) > ln_miss) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return high;
}

}  // namespace serin::statistics
