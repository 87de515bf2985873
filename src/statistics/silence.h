#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

// Does the canary answer as many requests as it is sent? One that hangs makes no failures while its
// requests run, so a judge of failures would wait; but the answers it owes are missing among those
// of both arms.

namespace serin::statistics {

constexpr std::size_t silence_points = 4;

// H0: of the answers, whatever happened before, the canary's share is at least `tolerated` times
// its share of the requests. An e-process: by Ville's inequality it ever reaches 1 / alpha under H0
// with probability at most alpha.
struct Silence {
    std::array<double, silence_points> ln_wealth{};
    double ln_peak = 0;

    // Answers that ended while the canary was sent the share `weight` of the requests. Only ever
    // compare times at which the weight has been in force for as long as a request may take.
    // REQUIRES: 0 < weight < 1, 0 < tolerated <= 1.
    void add(std::uint64_t canary, std::uint64_t stable, double weight, double tolerated = 0.8);
    double ln_value() const;
};

}  // namespace serin::statistics
