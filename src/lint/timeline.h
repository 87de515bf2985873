#pragma once

#include "base/time.h"
#include "lint/uses.h"

#include <optional>
#include <string>
#include <vector>

// When a canary's steps happen, from the manifest alone: pauses and analyses take the time they
// are given, everything else none, so all instants are the earliest possible ones.

namespace serin::lint {

struct Stage {
    std::size_t step = 0;
    std::string kind;  // The step's key: "setWeight".
    std::string pointer;
    Duration start{};
    Duration length{};        // At least.
    bool is_endless = false;  // Until a person resumes.
    int weight = 0;           // The canary's once the step is over.
    bool is_judged = false;   // By an analysis that the step waits for.
};

struct Timeline {
    std::vector<Stage> stages;
    Duration end{};  // The soonest.
    bool needs_person = false;
    int weight_max = 100;
};

// How long a run of these metrics lasts when all goes well and every measurement is instant.
Duration length_of_run(const std::vector<UsedMetric>& metrics);

Timeline timeline_of(const Source& rollout, const std::vector<Use>& uses);

// From when on, and how long at least, the use watches the release.
struct Span {
    Duration start{};
    Duration length{};
};
Span span_of(const Use& use, const Timeline& timeline);

// "45s", "12m", "1h30m": whole seconds without zero parts.
std::string short_duration(Duration duration);

}  // namespace serin::lint
