#pragma once

#include "statistics/two_sample.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

// For experiments with lasting arms: is one arm's rate of an event higher than another's, and does
// the traffic split as it should? Both are e-processes: they may be read after every visitor.

namespace serin::statistics {

constexpr std::size_t lift_points = 14;

// H0: the rate of the arm called canary is at most that of the arm called stable, in each block;
// from block to block both may drift. Bets on lifts of the odds from 2 % to five times.
struct Lift {
    std::array<double, lift_points> ln_wealth{};
    double ln_peak = 0;  // The highest value so far: the evidence that counts.

    // `expected`: the rate of both arms together, from the past only. A wrong one costs power,
    // never validity. REQUIRES: the block has requests of both arms.
    void add(const Block& block, double expected);
    double ln_value() const;
};

// H0: each visitor is assigned to arm i with probability weights[i], whatever happened before (a
// Dirichlet mixture over other splits, after Lindon and Malek). Reports when the split is broken:
// then no comparison of the arms means anything.
struct SplitCheck {
    double ln_value = 0;
    double ln_peak = 0;

    // `counts` are those before this visitor. REQUIRES: weights sum to 1, arm < weights.size().
    void add(
        std::size_t arm, std::span<const std::uint64_t> counts, std::span<const double> weights);
};

// Which of several hypotheses can be rejected such that on average at most a share alpha of what is
// rejected is true, however the evidence of one depends on that of another (e-BH of Wang and
// Ramdas). Their indices, the strongest evidence first.
std::vector<std::size_t> discoveries(std::span<const double> ln_values, double alpha);

}  // namespace serin::statistics
