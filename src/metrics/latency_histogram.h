#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace serin::metrics {

// Where a latency is counted. An octave (a power of two of microseconds) has 32 steps, so a value
// read back is at most 1.6 % off; below 32 us it is exact, above 268 s it counts as 268 s.
struct LatencyBin {
    static constexpr int steps = 32;
    static constexpr int octaves = 24;

    int octave = 0;
    int step = 0;

    static LatencyBin of(std::int64_t us) {
        constexpr std::uint64_t last = (std::uint64_t{1} << 28) - 1;
        std::uint64_t value = us < 0 ? 0 : static_cast<std::uint64_t>(us);
        if (value > last) value = last;
        if (value < steps) return {.octave = 0, .step = static_cast<int>(value)};
        const int shift = static_cast<int>(std::bit_width(value)) - 6;
        return {.octave = shift + 1, .step = static_cast<int>(value >> shift) - steps};
    }
    // The bin's bounds in microseconds; `high` belongs to the next one.
    double low() const {
        return octave == 0 ? step : double(std::int64_t{steps + step} << (octave - 1));
    }
    double width() const { return octave == 0 ? 1 : double(std::int64_t{1} << (octave - 1)); }
};

// Latencies of any number of requests in constant space.
class LatencyHistogram {
public:
    void add(LatencyBin bin, std::uint64_t count) {
        counts_[static_cast<std::size_t>(bin.octave * LatencyBin::steps + bin.step)] += count;
        total_ += count;
    }
    void merge(const LatencyHistogram& other) {
        for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
        total_ += other.total_;
    }
    std::uint64_t total() const { return total_; }

    // The latency in seconds that the share `quantile` of requests did not exceed, interpolated
    // within its bin; 0 without requests. REQUIRES: 0 <= quantile <= 1.
    double quantile_s(double quantile) const;

private:
    std::array<std::uint64_t, LatencyBin::steps * LatencyBin::octaves> counts_{};
    std::uint64_t total_ = 0;
};

}  // namespace serin::metrics
