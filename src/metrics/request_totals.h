#pragma once

#include "ports/request_stream.h"

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

namespace serin::metrics {

// How many requests each revision has answered since the start, and how long they took: counters
// for scrapers, beside the windows that judges read. Passes every outcome on.
//
// Outcomes come in on the gateway's thread; `read` may be called on any.
class RequestTotals : public OutcomeSink {
public:
    struct Total {
        std::string ns;
        std::string route;
        std::string service;
        std::string revision;    // Empty: no pod answered.
        int status = 0;          // 0: the client left first.
        bool is_rescue = false;  // Of requests that failed elsewhere and are counted there too.
        std::uint64_t requests = 0;
        double seconds = 0;  // Sum of their latencies.
    };

    // `next` outlives this. Beyond `series_max` kinds of outcomes new ones are not counted here.
    explicit RequestTotals(OutcomeSink& next, std::size_t series_max = 10'000)
        : next_(next), series_max_(series_max) {}

    void take(std::span<const RequestOutcome> outcomes) override;
    void take_gap(const StreamGap& gap) override;

    std::vector<Total> read() const;
    // Outcomes that the stream itself says it has lost.
    std::uint64_t lost_outcomes() const;

private:
    using Key = std::tuple<std::string, std::string, std::string, std::string, int, bool>;
    using KeyView = std::
        tuple<std::string_view, std::string_view, std::string_view, std::string_view, int, bool>;
    struct Sum {
        std::uint64_t requests = 0;
        std::int64_t microseconds = 0;
    };

    OutcomeSink& next_;
    std::size_t series_max_;
    mutable std::mutex mutex_;
    std::map<Key, Sum, std::less<>> sums_;
    std::uint64_t lost_ = 0;
};

}  // namespace serin::metrics
