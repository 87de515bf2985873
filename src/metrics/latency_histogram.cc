#include "metrics/latency_histogram.h"

#include "base/check.h"

#include <algorithm>

namespace serin::metrics {

double LatencyHistogram::quantile_s(double quantile) const {
    SERIN_CHECK(0 <= quantile && quantile <= 1);
    if (total_ == 0) return 0;
    const double rank = std::max(1.0, quantile * static_cast<double>(total_));
    double seen = 0;
    for (int i = 0; i < LatencyBin::steps * LatencyBin::octaves; ++i) {
        const auto count = static_cast<double>(counts_[static_cast<std::size_t>(i)]);
        if (count == 0) continue;
        if (seen + count >= rank) {
            const LatencyBin bin{.octave = i / LatencyBin::steps, .step = i % LatencyBin::steps};
            // The requests of a bin are taken as spread evenly over it.
            return (bin.low() + bin.width() * (rank - seen - 0.5) / count) / 1e6;
        }
        seen += count;
    }
    return 0;
}

}  // namespace serin::metrics
