#pragma once

#include "rehearse/run.h"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace serin::rehearse {

// A share of runs, with the bounds between which the true probability lies in 95 of 100 rehearsals
// (Wilson's interval).
struct Probability {
    std::int64_t count = 0;
    std::int64_t of = 0;
    double share = 0;
    double low = 0;
    double high = 1;
};
Probability probability_of(std::int64_t count, std::int64_t of);

struct Spread {
    double p5 = 0;
    double p50 = 0;
    double p95 = 0;
    double mean = 0;
};
// Nearest ranks; empty without values.
std::optional<Spread> spread_of(std::vector<double> values);

// The same stretch of all runs that reached it.
struct StretchSummary {
    int step = 0;
    double share = 0;
    std::int64_t reached = 0;
    std::int64_t blind = 0;  // Runs in which nothing was measured during it.
    double requests = 0;     // On average.
    double seconds = 0;
    double values = 0;
};

struct Report {
    Settings settings;
    std::string rollout;  // "default/shop".
    int replicas = 0;
    Probability promoted;
    Probability aborted;
    Probability stalled;
    std::optional<Spread> seconds_to_promote;
    std::optional<Spread> seconds_to_abort;
    std::optional<Spread> requests_exposed;  // To the new version, of all runs.
    std::optional<Spread> users_exposed;
    std::optional<Spread> requests_failed;  // By the new version.
    std::optional<Spread> requests_lost;    // That met no pod.
    int pods_peak = 0;
    double extra_pod_hours = 0;  // On average.
    std::vector<StretchSummary> stretches;
    std::map<std::string, std::int64_t> reasons;  // "aborted: ...": how often.
    std::map<std::string, MetricNote> notes;
    Course typical;  // The median run of the most frequent ending, in full.
};

// Rehearses `settings.runs` releases on `settings.jobs` threads. Equal subjects and settings give
// equal reports, whatever the number of threads.
Result<Report> rehearse(const Subject& subject, const Settings& settings);

// People among `users` who met the new version, when each request comes from anyone.
double users_met(double users, double requests);

struct Limits {
    std::optional<double> exposed_failures_max;  // Of the 95th percentile.
    std::optional<double> abort_probability_min;
    std::optional<double> promote_probability_min;
    std::optional<Duration> duration_max;  // Of the 95th percentile; a stall lasts for ever.
};

// The limits that the report exceeds, one sentence each.
std::vector<std::string> exceeded(const Report& report, const Limits& limits);

}  // namespace serin::rehearse
