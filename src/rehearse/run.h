#pragma once

#include "rehearse/metric_answers.h"
#include "rehearse/settings.h"
#include "rehearse/subject.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace serin::rehearse {

enum class Ending {
    promoted,  // The new version has all traffic and is the stable one.
    aborted,   // It was taken back, and is seen without traffic.
    stalled,   // Nothing but a person moves it, or the horizon was reached.
};
std::string_view to_string(Ending ending);

// From one weight to the next: what one amount of exposure cost and taught.
struct Stretch {
    int step = 0;  // Index of the step that began it.
    double share = 0;
    Duration began{0};
    Duration lasted{0};
    std::uint64_t requests = 0;  // To the new version.
    std::uint64_t failed = 0;
    std::int64_t values = 0;  // Measurements that told something.

    bool is_blind() const { return requests > 0 && values == 0; }
};

// A decision of the engine.
struct Moment {
    Duration at{0};
    std::string rule;
    std::string words;
    double share = 0;  // The new version's, as decided.
};

// Between two ticks of the simulation.
struct Sample {
    Duration at{0};
    double share = 0;
    Served candidate;
    Served stable;
};

// What became of one release.
struct Course {
    std::int64_t index = 0;
    Ending ending = Ending::stalled;
    std::string reason;
    Duration lasted{0};
    Served candidate;
    Served stable;
    std::uint64_t lost = 0;  // Requests that met no pod at all.
    int pods_peak = 0;
    double extra_pod_hours = 0;  // Beyond the replicas that the manifest asks for.
    std::vector<Stretch> stretches;
    std::map<std::string, MetricNote> notes;
    // Of traced courses only.
    std::vector<Moment> moments;
    std::vector<Sample> samples;
};

// Releases the subject once: the real controllers over the memory store, on virtual time, with
// simulated pods, router, metrics and users. Equal arguments give equal courses. Fails when the
// old version does not even come to serve.
Result<Course> run_once(
    const Subject& subject, const Settings& settings, std::int64_t index, bool is_traced);

}  // namespace serin::rehearse
