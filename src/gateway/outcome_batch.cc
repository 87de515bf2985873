#include "gateway/outcome_batch.h"

#include "gateway/log_line.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace serin::gateway {

bool GapCounter::count(std::uint64_t number) {
    if (number < replayed_below_) return false;
    if (!is_started_) {
        is_started_ = true;
        first_ = number;
        next_ = number;
    }
    first_ = std::min(first_, number);
    next_ = std::max(next_, number + 1);
    ++received_;
    return true;
}

std::uint64_t GapCounter::look() {
    const std::uint64_t expected = next_ - first_;
    const std::uint64_t open = expected > received_ ? expected - received_ : 0;
    const std::uint64_t lasting = std::min(open, open_at_last_look_);
    open_at_last_look_ = open;
    if (lasting <= reported_) return 0;
    const std::uint64_t lost = lasting - reported_;
    reported_ = lasting;
    return lost;
}

Instant RecordReader::take(std::string_view bytes, OutcomeSink& sink) {
    // The outcomes are views into `text`, which stays until they are handed over.
    std::string joined;
    std::string_view text = bytes;
    if (!rest_.empty()) {
        joined = std::move(rest_);
        joined += bytes;
        text = joined;
        rest_.clear();
    }
    std::vector<RequestOutcome> outcomes;
    LogLine line;
    while (const void* end = std::memchr(text.data(), '\n', text.size())) {
        const auto length = static_cast<std::size_t>(static_cast<const char*>(end) - text.data());
        if (parse_log_line(text.substr(0, length), line)) {
            auto counter = counters_.find(line.frontend);
            if (counter == counters_.end()) {
                counter = counters_.try_emplace(std::string(line.frontend)).first;
            }
            if (counter->second.count(line.count) && line.has_route) {
                outcomes.push_back(line.outcome);
            }
        }
        text.remove_prefix(length + 1);
        if (text.empty()) break;
    }
    if (!outcomes.empty()) sink.take(outcomes);
    constexpr std::size_t line_bytes_max = 16384;
    if (text.size() < line_bytes_max) rest_ = std::string(text);
    return outcomes.empty() ? Instant{} : outcomes.back().at;
}

void RecordReader::replay() {
    rest_.clear();
    for (auto& [frontend, counter] : counters_) counter.replay();
}

std::uint64_t RecordReader::look_for_gaps() {
    std::uint64_t lost = 0;
    for (auto& [frontend, counter] : counters_) lost += counter.look();
    return lost;
}

}  // namespace serin::gateway
