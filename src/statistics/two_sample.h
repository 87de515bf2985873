#pragma once

#include "statistics/divergence.h"
#include "statistics/log_space.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

// Is the canary's rate of some event (a failure, a slow answer) worse than the concurrent stable
// one's? A blocked two-sample e-process, after Turner, Ly and Grünwald: each small block of canary
// requests is tested against the stable requests beside it, at rates predicted from the past. Only
// inside a block are the arms assumed to share their surroundings; drift, outages and changes of
// the weight between blocks cost nothing. By Ville's inequality its value ever reaches 1 / alpha
// under H0 with probability at most alpha, so it may be read after every request.

namespace serin::statistics {

// One block. The sizes must not depend on what came of its requests; n and k count events.
struct Block {
    std::uint64_t canary = 0;
    std::uint64_t canary_events = 0;
    std::uint64_t stable = 0;
    std::uint64_t stable_events = 0;
};

constexpr std::size_t points_max = 16;

// What a test bets on. The canary's rate is tried at several points around the predicted stable
// rate, all with the same stake: `points` lifts of the log odds from `lowest_odds` to nearly
// certain (for Side::below: to a hundredth of the odds), or, if given, multiples of the stable
// rate.
struct Bets {
    Null null;
    std::size_t points = points_max;
    double lowest_odds = 1.5;
    std::array<double, 3> multiples{};  // The first `points` of them, when the first is not 0.
    friend bool operator==(const Bets&, const Bets&) = default;
};

// The rate of the event on stable, predicted from its past with a half-life. Only ever a guess that
// shapes the bets: a wrong one costs power, never validity.
struct Baseline {
    double events = 0.5;
    double total = 100;
    double at_s = 0;

    double rate() const { return events / total; }
    // Counts of the past lose half their weight every `half_life_s`; time does not run backwards.
    void add(std::uint64_t events_more, std::uint64_t total_more, double now_s, double half_life_s);
};

// Rates are rounded to steps of their log odds, so that the arithmetic of equal blocks is shared.
using RateStep = std::int16_t;
RateStep to_step(double rate);  // Clamped to 1e-5 .. 0.9.
double to_rate(RateStep step);

// Logarithms that one block adds to each point: without events, and for each event on an arm.
struct Factors {
    std::array<double, points_max> base{};
    std::array<double, points_max> canary_event{};
    std::array<double, points_max> stable_event{};
};

// Remembers the factors of recent blocks. Holds nothing that a result depends on: any number of
// tests may share one, or use a fresh one each time. Not for two threads at once.
class FactorCache {
public:
    FactorCache();
    FactorCache(FactorCache&&) noexcept;
    FactorCache& operator=(FactorCache&&) noexcept;
    ~FactorCache();

    // `origin`: the stable rate when the test began, which fixes its lifts.
    const Factors& find(const Bets& bets, const Block& sizes, RateStep stable, RateStep origin);

private:
    struct Entry;
    struct GridEntry;

    const GridEntry& find_grid(const Bets& bets, RateStep stable, RateStep origin);

    std::unique_ptr<Entry[]> entries_;
    std::unique_ptr<GridEntry[]> grids_;
};

// By how much the best of the bets grows on average with each canary request, and the stable ones
// beside it, if the arms have these rates: how long a decision takes. Negative: none is in sight.
double growth(const Bets& bets, RateStep stable, RateStep origin, Rates truth, double weight);

// The test's memory: ln of what each point's share of the stakes has become.
struct TwoSample {
    std::array<double, points_max> ln_wealth;
    double staked = 0;   // Of 1; the rest is kept and counts as it is.
    double ln_peak = 0;  // The highest value that keep_peak() saw.
    RateStep origin = 0;

    TwoSample() { ln_wealth.fill(ln_zero); }

    // Puts down more of the stake: what it becomes counts from now on. No-op when `due` is not more
    // than is staked already. REQUIRES: due <= 1.
    void stake(double due, double stable_rate, const Bets& bets);
    // Returns ln of the wealthiest point: the value is at most that and what is not staked, so that
    // it need not be computed while that is little.
    double add(const Block& block, RateStep stable, const Bets& bets, FactorCache& cache);
    // Remembers the value if it is the highest so far. `highest` is what `add` returned.
    // REQUIRES: everything is staked.
    void keep_peak(double highest, const Bets& bets);
    // ln of the e-process. At 0 there is no evidence either way.
    double ln_value(const Bets& bets) const;
};

}  // namespace serin::statistics
