#pragma once

#include "judge/metric.h"

#include <optional>
#include <string>
#include <vector>

// An analysis run: several metrics, one outcome. Pure: time comes in.

namespace serin::judge {

struct Summary {  // Of metrics, not of measurements.
    std::int64_t count = 0;
    std::int64_t successful = 0;
    std::int64_t failed = 0;
    std::int64_t inconclusive = 0;
    std::int64_t error = 0;
    friend bool operator==(const Summary&, const Summary&) = default;
};

struct RunRule {
    std::vector<MetricRule> metrics;
    bool is_terminated = false;  // Somebody asked the run to stop.
};

struct RunState {
    Phase phase = Phase::pending;
    std::string message;
    std::optional<Instant> started_at;
    std::optional<Instant> completed_at;
    std::vector<MetricState> metrics;  // Of metrics that have begun; see state_of.
    Summary summary;
    std::optional<Summary> dry_run_summary;

    // Null when the metric has not begun.
    const MetricState* find(std::string_view metric) const;
    // Begins the metric if need be.
    MetricState& state_of(std::string_view metric);
};

// No measurement begins any more and those in flight end: asked for, or because a metric that
// counts has ended badly.
bool is_terminating(const RunRule& rule, const RunState& state);

struct Due {
    std::string metric;
    Instant at;  // Instant::min(): at once.
};

// What is to be measured and when, one entry a metric at most, in the rule's order. Empty when the
// run is terminating or completed.
std::vector<Due> due_measurements(const RunRule& rule, const RunState& state);

// A metric that has just ended, for events.
struct Ended {
    std::string metric;
    Phase phase = Phase::pending;
};

// Judges every metric and the run, writes phases, messages, summaries and times into `state`, and
// returns the metrics that ended by it. When a metric ends badly, the others and the run end in the
// same call. Completed runs are left alone.
std::vector<Ended> assess_run(const RunRule& rule, RunState& state, Instant now);

// After how long a completed run is to be deleted; each field is empty when not given.
struct TimeToLive {
    std::optional<Duration> after_completion;
    std::optional<Duration> after_failure;
    std::optional<Duration> after_success;
};

// When the run is to be deleted: more than the time to live in whole seconds after its completion.
std::optional<Instant> delete_at(const TimeToLive& ttl, const RunState& state);

}  // namespace serin::judge
