#pragma once

#include "base/time.h"

#include <cstdint>
#include <optional>
#include <vector>

// How likely a threshold on a share of requests stops a release. Requests come evenly and fail
// independently; the metric is measured over a sliding window at its interval, and stops the
// release with the failed measurement that is one too many. Overlapping windows see the same
// failures, so there is no closed form: the answer is the share of seeded random runs, equal
// everywhere for equal input, and within half a percentage point of the truth.

namespace serin::lint {

struct Gate {
    Duration interval{};
    Duration initial_delay{};
    std::optional<std::int64_t> count;  // Empty: as long as the watch lasts.
    std::int64_t failure_limit = 0;     // -1: failures never stop it.
    std::optional<Duration> window;     // Empty: since the watch began.
    bool sees_before_watch = true;      // The window reaches back past the start of the watch.

    // The value measured: the share of good requests, or of failed ones.
    bool is_success_share = false;
    double scale = 1;          // 100 for percents.
    bool fails_below = false;  // Fails at `edge` and below; otherwise at `edge` and above.
    double edge = 0;

    std::int64_t requests_min = 1;  // Fewer are no data, which is no failure.
    // Looks between the measurements that can only fail, every `requests_min` requests, while one
    // more failure would stop the release.
    bool looks_early = false;
};

// From `at` on the watched version gets so many requests.
struct Exposure {
    Duration at{};
    double requests_per_second = 0;
};

// A run of the metric; without an end it lasts until `count` is reached.
struct Watch {
    Duration start{};
    std::optional<Duration> end;
};

struct Odds {
    double stopped = 0;                // Probability over all watches together.
    std::optional<Duration> earliest;  // The soonest stop seen.
};

// REQUIRES: exposures and watches are in order of time; 0 <= failure_share <= 1.
Odds odds_of_stopping(
    const Gate& gate,
    const std::vector<Exposure>& exposures,
    const std::vector<Watch>& watches,
    double failure_share);

}  // namespace serin::lint
