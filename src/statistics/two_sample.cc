#include "statistics/two_sample.h"

#include "base/check.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace serin::statistics {

namespace {

constexpr double rate_min = 1e-5;
constexpr double rate_max = 0.9;
constexpr double canary_rate_min = 1e-7;
constexpr double canary_rate_max = 0.999;
constexpr double step_width = 0.05;
constexpr double nearly_certain = 0.99;
constexpr double ln_hundred = 4.605170185988092;
constexpr std::size_t entries_count = 8192;
constexpr std::size_t grids_count = 512;
// Larger blocks hardly repeat.
constexpr std::uint64_t cached_block_max = 4096;

bool has_multiples(const Bets& bets) {
    return bets.multiples[0] != 0;
}

double clamped(double rate) {
    return std::clamp(rate, canary_rate_min, canary_rate_max);
}

// The canary's rates at all points of the bets.
std::array<double, points_max> canary_rates(const Bets& bets, double stable, double origin) {
    std::array<double, points_max> rates{};
    if (has_multiples(bets)) {
        for (std::size_t i = 0; i < bets.points; ++i)
            rates[i] = clamped(bets.multiples[i] * stable);
        return rates;
    }
    const double low = std::log(bets.lowest_odds);
    const double high = bets.null.side == Side::above
                            ? std::max(logit(nearly_certain) - logit(origin), low + 1)
                            : ln_hundred;
    const auto last = static_cast<double>(std::max<std::size_t>(bets.points, 2) - 1);
    const double from = logit(stable);
    for (std::size_t i = 0; i < bets.points; ++i) {
        const double lift = low + (high - low) * static_cast<double>(i) / last;
        rates[i] = clamped(expit(from + (bets.null.side == Side::above ? lift : -lift)));
    }
    return rates;
}

// What the factors of all blocks have in common while the rate predicted for stable is the same.
struct Grid {
    double stable = 0;
    double ln_stable_fine = 0;  // ln of the chance of no event.
    std::array<double, points_max> canary{};
    std::array<double, points_max> ln_canary_fine{};
};

Grid compute_grid(const Bets& bets, RateStep stable, RateStep origin) {
    Grid grid{.stable = to_rate(stable)};
    grid.ln_stable_fine = std::log1p(-grid.stable);
    grid.canary = canary_rates(bets, grid.stable, to_rate(origin));
    for (std::size_t i = 0; i < bets.points; ++i)
        grid.ln_canary_fine[i] = std::log1p(-grid.canary[i]);
    return grid;
}

Factors compute(const Bets& bets, const Block& sizes, const Grid& grid) {
    const auto canary_count = static_cast<double>(sizes.canary);
    const auto stable_count = static_cast<double>(sizes.stable);
    Factors factors;
    for (std::size_t i = 0; i < bets.points; ++i) {
        const Rates bet{.canary = grid.canary[i], .stable = grid.stable};
        const Rates null =
            project(bets.null, bet, {.canary = canary_count, .stable = stable_count});
        const double ln_null_fine = std::log1p(-null.canary);
        const double canary_fine = grid.ln_canary_fine[i] - ln_null_fine;
        const double stable_fine =
            grid.ln_stable_fine -
            (null.stable == null.canary ? ln_null_fine : std::log1p(-null.stable));
        factors.base[i] = canary_count * canary_fine + stable_count * stable_fine;
        factors.canary_event[i] = std::log(bet.canary / null.canary) - canary_fine;
        factors.stable_event[i] = std::log(bet.stable / null.stable) - stable_fine;
    }
    return factors;
}

std::uint64_t mix(std::uint64_t seed, std::uint64_t value) {
    std::uint64_t x = (seed ^ value) * 0x9E3779B97F4A7C15ULL;
    x ^= x >> 32U;
    return x;
}

std::uint64_t low_bits(RateStep step) {
    return static_cast<std::uint16_t>(step);
}

std::uint64_t hash_of(const Bets& bets, RateStep origin) {
    const std::uint64_t side = bets.null.side == Side::above ? 1 : 2;
    return low_bits(origin) << 16U | bets.points << 8U | side;
}

}  // namespace

RateStep to_step(double rate) {
    return static_cast<RateStep>(
        std::lround(logit(std::clamp(rate, rate_min, rate_max)) / step_width));
}

double to_rate(RateStep step) {
    return expit(step * step_width);
}

void Baseline::add(
    std::uint64_t events_more, std::uint64_t total_more, double now_s, double half_life_s) {
    if (now_s > at_s) {
        const double kept = std::exp2(-(now_s - at_s) / half_life_s);
        events *= kept;
        total *= kept;
        at_s = now_s;
    }
    // A little of the prior remains, or silence would end in 0 of 0.
    events = std::max(events, 5e-3) + static_cast<double>(events_more);
    total = std::max(total, 1.0) + static_cast<double>(total_more);
}

struct FactorCache::Entry {
    Bets bets;
    std::uint64_t canary = 0;  // 0: empty; no block is without canary requests.
    std::uint64_t stable = 0;
    RateStep rate = 0;
    RateStep origin = 0;
    Factors factors;
};

struct FactorCache::GridEntry {
    Bets bets;
    RateStep rate = 0;
    RateStep origin = 0;
    bool is_used = false;
    Grid grid;
};

// One more than is remembered, for what is computed once.
FactorCache::FactorCache()
    : entries_(std::make_unique<Entry[]>(entries_count + 1)),
      grids_(std::make_unique<GridEntry[]>(grids_count)) {}
FactorCache::FactorCache(FactorCache&&) noexcept = default;
FactorCache& FactorCache::operator=(FactorCache&&) noexcept = default;
FactorCache::~FactorCache() = default;

const FactorCache::GridEntry& FactorCache::find_grid(
    const Bets& bets, RateStep stable, RateStep origin) {
    GridEntry& entry = grids_[(mix(hash_of(bets, origin), low_bits(stable)) >> 7U) % grids_count];
    if (!entry.is_used || entry.rate != stable || entry.origin != origin || !(entry.bets == bets)) {
        entry = {
            .bets = bets,
            .rate = stable,
            .origin = origin,
            .is_used = true,
            .grid = compute_grid(bets, stable, origin)};
    }
    return entry;
}

const Factors& FactorCache::find(
    const Bets& bets, const Block& sizes, RateStep stable, RateStep origin) {
    SERIN_CHECK(sizes.canary > 0 && sizes.stable > 0);
    if (sizes.canary > cached_block_max || sizes.stable > cached_block_max) {
        Entry& scratch = entries_[entries_count];
        scratch.factors = compute(bets, sizes, find_grid(bets, stable, origin).grid);
        return scratch.factors;
    }
    std::uint64_t hash = mix(sizes.canary << 32U | sizes.stable, low_bits(stable));
    hash = mix(hash, hash_of(bets, origin));
    Entry& entry = entries_[(hash >> 7U) % entries_count];
    if (entry.canary != sizes.canary || entry.stable != sizes.stable || entry.rate != stable ||
        entry.origin != origin || !(entry.bets == bets)) {
        entry.bets = bets;
        entry.canary = sizes.canary;
        entry.stable = sizes.stable;
        entry.rate = stable;
        entry.origin = origin;
        entry.factors = compute(bets, sizes, find_grid(bets, stable, origin).grid);
    }
    return entry.factors;
}

double growth(const Bets& bets, RateStep stable, RateStep origin, Rates truth, double weight) {
    const double predicted = to_rate(stable);
    const auto canary = canary_rates(bets, predicted, to_rate(origin));
    const auto gain = [](double rate, double betted, double against) {
        return divergence(rate, against) - divergence(rate, betted);
    };
    double best = ln_zero;
    for (std::size_t i = 0; i < bets.points; ++i) {
        const Rates bet{.canary = canary[i], .stable = predicted};
        const Rates null = project(bets.null, bet, {.canary = weight, .stable = 1 - weight});
        best = std::max(
            best,
            gain(truth.canary, bet.canary, null.canary) +
                (1 - weight) / weight * gain(truth.stable, bet.stable, null.stable));
    }
    return best;
}

void TwoSample::stake(double due, double stable_rate, const Bets& bets) {
    SERIN_CHECK(due <= 1);
    if (due <= staked) return;
    if (staked == 0) origin = to_step(stable_rate);
    const double ln_more = std::log(due - staked);
    for (std::size_t i = 0; i < bets.points; ++i) ln_wealth[i] = ln_add(ln_wealth[i], ln_more);
    staked = due;
}

double TwoSample::add(const Block& block, RateStep stable, const Bets& bets, FactorCache& cache) {
    const Factors& factors = cache.find(bets, block, stable, origin);
    const auto canary_events = static_cast<double>(block.canary_events);
    const auto stable_events = static_cast<double>(block.stable_events);
    double highest = ln_zero;
    if (block.canary_events == 0 && block.stable_events == 0) {
        for (std::size_t i = 0; i < bets.points; ++i) {
            ln_wealth[i] += factors.base[i];
            highest = std::max(highest, ln_wealth[i]);
        }
    } else {
        for (std::size_t i = 0; i < bets.points; ++i) {
            ln_wealth[i] += factors.base[i] + canary_events * factors.canary_event[i] +
                            stable_events * factors.stable_event[i];
            highest = std::max(highest, ln_wealth[i]);
        }
    }
    return highest;
}

void TwoSample::keep_peak(double highest, const Bets& bets) {
    SERIN_CHECK(staked == 1);
    if (highest > ln_peak) ln_peak = std::max(ln_peak, ln_value(bets));
}

double TwoSample::ln_value(const Bets& bets) const {
    double highest = ln_zero;
    for (std::size_t i = 0; i < bets.points; ++i) highest = std::max(highest, ln_wealth[i]);
    const double kept = 1 - staked;
    if (highest == ln_zero) return kept > 0 ? std::log(kept) : ln_zero;
    double sum = 0;
    for (std::size_t i = 0; i < bets.points; ++i) sum += std::exp(ln_wealth[i] - highest);
    const double ln_staked = highest + std::log(sum / static_cast<double>(bets.points));
    return kept > 0 ? ln_add(ln_staked, std::log(kept)) : ln_staked;
}

}  // namespace serin::statistics
