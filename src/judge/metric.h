#pragma once

#include "base/result.h"
#include "base/time.h"
#include "judge/verdict.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

// One metric of an analysis: when it is measured next, how a measurement counts and what all of
// them say together, with the limits of Argo's AnalysisTemplates. Pure: time comes in.

namespace serin::judge {

// After a measurement that ended in an error, whatever the interval.
constexpr Duration error_retry{10'000};
constexpr std::size_t measurements_kept_default = 10;

struct MetricRule {
    std::string name;
    std::optional<Duration> interval;
    Duration initial_delay{0};
    std::int64_t count = 0;          // 0: not given.
    std::int64_t failure_limit = 0;  // -1: failures do not end the metric.
    std::int64_t inconclusive_limit = 0;
    std::int64_t consecutive_error_limit = 4;
    std::int64_t consecutive_success_limit = 0;  // 0: off.
    bool is_dry_run = false;                     // Measured and counted, without consequences.
    std::size_t measurements_kept = measurements_kept_default;
};

// How many measurements the metric takes; empty: as many as the run lasts.
std::optional<std::int64_t> effective_count(const MetricRule& rule);

// `invalid`, as Argo words it, for limits that contradict each other.
Result<> check(const MetricRule& rule);

struct Measurement {
    Phase phase = Phase::running;
    std::string message;
    std::optional<Instant> started_at;
    std::optional<Instant> finished_at;  // Empty: in flight.
    std::optional<Instant> resume_at;    // In flight and nothing to do before.
    std::string value;
    std::map<std::string, std::string> metadata;
};

struct MetricState {
    std::string name;
    Phase phase = Phase::pending;
    std::string message;
    std::vector<Measurement> measurements;  // The latest ones, oldest first.
    std::int64_t count = 0;                 // Measurements that were no errors.
    std::int64_t successful = 0;
    std::int64_t failed = 0;
    std::int64_t inconclusive = 0;
    std::int64_t error = 0;
    std::int64_t consecutive_error = 0;
    std::int64_t consecutive_success = 0;
    std::map<std::string, std::string> metadata;

    const Measurement* last() const {
        return measurements.empty() ? nullptr : &measurements.back();
    }
};

// When the metric's next measurement is due; an instant that has passed means now, empty means
// never as things stand. `run_started` is empty in a run's first turn, and a delayed metric then
// waits for the second.
std::optional<Instant> next_measurement(
    const MetricRule& rule, const MetricState& state, std::optional<Instant> run_started);

// Adds a finished measurement, in place of one in flight, and counts it.
// REQUIRES: the measurement is finished and its phase completed.
void record(MetricState& state, Measurement measurement);

// Drops the oldest measurements beyond those kept. Returns how many went.
std::size_t trim(const MetricRule& rule, MetricState& state);

// What the measurements so far say. A completed metric stays what it is.
Verdict assess(const MetricRule& rule, const MetricState& state, bool is_terminating);

// Whether one more failed measurement would end the metric as Failed: only then does it make sense
// to look before the interval has passed, because fewer failures are meant to be tolerated.
bool is_one_failure_from_failing(const MetricRule& rule, const MetricState& state);

}  // namespace serin::judge
