#pragma once

#include "metrics/latency_histogram.h"
#include "ports/event_loop.h"
#include "ports/request_stream.h"

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace serin::metrics {

// Which requests are meant. Empty service and route mean any.
struct WindowQuery {
    std::string ns;
    std::string revision;
    std::string service;
    std::string route;
    // A request that no pod answered has no revision. It counts when it went to this service, which
    // selects the revision alone. Empty: such requests do not count.
    std::string own_service;
};

struct RequestCounts {
    std::array<std::uint64_t, 6> by_class{};  // [2] is 2xx; [0] those whose client left first.
    std::uint64_t lost = 0;                   // No pod answered; part of [5].
    std::uint64_t retried = 0;                // Answered after a failed try.

    // Requests with an outcome the service is responsible for: all whose client stayed.
    std::uint64_t total() const;
    std::uint64_t aborted() const { return by_class[0]; }
};

struct WindowReading {
    RequestCounts counts;
    LatencyHistogram latency;  // Of requests that a pod answered.
    Instant from;              // What is covered: at most 1 % of the window's age is left out.
    // Outcomes of any service that were lost on the way or found no room.
    std::uint64_t missing = 0;
};

struct RequestWindowsSettings {
    std::size_t series_max = 4096;
    std::size_t bytes_max = 64 << 20;  // Of buckets and latencies.
};

struct RequestWindowsStats {
    std::uint64_t outcomes = 0;
    std::uint64_t late = 0;     // Too old for some resolution.
    std::uint64_t dropped = 0;  // No room.
    std::size_t series = 0;
    std::size_t bytes = 0;
};

// The recent outcomes of all requests, by service, route and revision, for an hour: counts and
// latencies in buckets of 100 ms for 10 s, 1 s for 2 minutes, 10 s for 20 minutes and 1 minute for
// an hour. Memory is bounded, and a request of a known series allocates nothing in steady state.
//
// Outcomes may come in on another thread; all else is used on the event loop.
class RequestWindows : public OutcomeSink {
public:
    // `loop` outlives this.
    explicit RequestWindows(EventLoop& loop, RequestWindowsSettings settings = {});
    ~RequestWindows() override;
    RequestWindows(const RequestWindows&) = delete;
    RequestWindows& operator=(const RequestWindows&) = delete;

    void take(std::span<const RequestOutcome> outcomes) override;
    void take_gap(const StreamGap& gap) override;
    // As so many outcomes that are alike.
    void take_alike(const RequestOutcome& outcome, std::uint32_t count);

    // Outcomes from `from` to `now`, an hour back at most.
    WindowReading read(const WindowQuery& query, Instant from, Instant now) const;

    class Watch {  // Ends when destroyed; does not outlive the windows.
    public:
        virtual ~Watch() = default;
    };
    // Calls `on_news` on the loop each time `every` more requests have come in (those whose client
    // left first are left out); several times in one turn of the loop are one call.
    // REQUIRES: every > 0.
    [[nodiscard]] std::unique_ptr<Watch> watch(
        const WindowQuery& query, std::uint64_t every, std::function<void()> on_news);

    RequestWindowsStats stats() const;

private:
    struct Bucket;
    struct Page;
    struct Series;
    struct Watcher;
    class WatchHolder;

    Series* series_of(const RequestOutcome& outcome);
    bool make_room_for_series(Instant at);
    void release(Series& series);
    void take_one(const RequestOutcome& outcome, std::uint32_t times);
    void count(Series& series, const RequestOutcome& outcome, std::uint32_t times);
    Bucket* bucket_at(Series& series, std::size_t tier, Instant at);
    std::uint32_t new_bucket();
    void clear_bucket(Bucket& bucket);
    void count_latency(Bucket& bucket, std::int64_t us, std::uint32_t times);
    void tell_watchers(Series& series, std::uint32_t times);
    void note_missing(Instant at, std::uint64_t count);
    void add(const Series& series, Instant from, Instant now, WindowReading& reading) const;
    bool has_room(std::size_t bytes) const;

    EventLoop& loop_;
    RequestWindowsSettings settings_;

    mutable std::mutex mutex_;  // Guards all below.
    std::unordered_map<std::string, std::unique_ptr<Series>> series_;
    std::string name_;  // Of the outcome at hand; kept for its memory.
    std::deque<Bucket> buckets_;
    std::vector<std::uint32_t> free_buckets_;
    std::deque<Page> pages_;
    std::vector<std::uint32_t> free_pages_;
    std::deque<std::pair<Instant, std::uint64_t>> missing_;  // By second.
    std::vector<std::shared_ptr<Watcher>> watchers_;
    RequestWindowsStats stats_;
};

}  // namespace serin::metrics
