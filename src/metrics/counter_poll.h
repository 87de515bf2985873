#pragma once

#include "metrics/counter_book.h"
#include "ports/event_loop.h"
#include "ports/metric_source.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace serin::metrics {

// Asks providers for counters, all at one time, every interval, the first time at once. Destroying
// it ends that.
//
// REQUIRES: used on the event loop.
class CounterPoll {
public:
    struct Question {
        MetricSource* source = nullptr;  // Outlives the poll.
        json::Object config;
    };
    struct Arm {
        Question total;
        Question events;
    };
    struct Metric {
        std::size_t index = 0;
        bool counts_the_rest = false;
        Arm canary;
        std::optional<Arm> stable;
    };
    struct Callbacks {
        std::function<void(const CounterReading&)> on_reading;
        // Nothing can be read: from the beginning on, or for too long. The poll has ended, and may
        // be destroyed within the call.
        std::function<void(Error)> on_end;
    };

    CounterPoll(
        EventLoop& loop,
        MetricQuery query,
        std::vector<Metric> metrics,
        Duration interval,
        Callbacks callbacks);
    ~CounterPoll();
    CounterPoll(const CounterPoll&) = delete;
    CounterPoll& operator=(const CounterPoll&) = delete;

private:
    struct Round;
    void ask();
    void ask_one(const std::shared_ptr<Round>& round, const Question& question, std::size_t place);
    void finish(const std::shared_ptr<Round>& round);
    CounterReading reading_of(const Round& round) const;
    bool is_hopeless(const CounterReading& reading);

    EventLoop& loop_;
    MetricQuery query_;
    std::vector<Metric> metrics_;
    Duration interval_;
    Callbacks callbacks_;
    std::shared_ptr<Round> round_;
    std::vector<std::unique_ptr<MetricSource::Measurement>> former_;  // Of the last round.
    EventLoop::Watch timer_;
    std::optional<Instant> read_at_;
    int rounds_without_ = 0;
    std::string problem_;
};

}  // namespace serin::metrics
