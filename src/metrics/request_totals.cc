#include "metrics/request_totals.h"

namespace serin::metrics {

void RequestTotals::take(std::span<const RequestOutcome> outcomes) {
    {
        const std::lock_guard lock(mutex_);
        for (const RequestOutcome& one : outcomes) {
            const KeyView key(
                one.ns, one.route, one.service, one.revision, one.status, one.is_rescue);
            auto found = sums_.find(key);
            if (found == sums_.end()) {
                if (sums_.size() >= series_max_) continue;
                found = sums_.emplace(Key(key), Sum{}).first;
            }
            ++found->second.requests;
            found->second.microseconds += one.latency_us;
        }
    }
    next_.take(outcomes);
}

void RequestTotals::take_gap(const StreamGap& gap) {
    {
        const std::lock_guard lock(mutex_);
        lost_ += gap.outcomes_lost;
    }
    next_.take_gap(gap);
}

std::vector<RequestTotals::Total> RequestTotals::read() const {
    const std::lock_guard lock(mutex_);
    std::vector<Total> totals;
    totals.reserve(sums_.size());
    for (const auto& [key, sum] : sums_) {
        const auto& [ns, route, service, revision, status, is_rescue] = key;
        totals.push_back(
            {.ns = ns,
             .route = route,
             .service = service,
             .revision = revision,
             .status = status,
             .is_rescue = is_rescue,
             .requests = sum.requests,
             .seconds = static_cast<double>(sum.microseconds) / 1e6});
    }
    return totals;
}

std::uint64_t RequestTotals::lost_outcomes() const {
    const std::lock_guard lock(mutex_);
    return lost_;
}

}  // namespace serin::metrics
