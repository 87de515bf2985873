#pragma once

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace serin::judge::sequential {

// One number to ask a provider for.
struct CounterQuery {
    std::string field;     // Of the configuration: "metrics[0].canary.total".
    std::string provider;  // "prometheus"; that of a plugin is its name.
    bool is_plugin = false;
    json::Object config;
};

struct CountedArm {
    CounterQuery total;
    CounterQuery events;
    bool counts_the_rest = false;  // `events` counts the requests without the event.
};

struct CountedMetric {
    std::size_t index = 0;  // In the judge's specification.
    CountedArm canary;
    std::optional<CountedArm> stable;  // Only with a bound may it be left out.
};

// The part of `serin/sequential` that names counters instead of the requests that Serin sees; see
// docs/reference/judges.md.
struct CountersConfig {
    Duration interval{10'000};
    std::vector<CountedMetric> metrics;  // Empty: all are judged by requests.
    json::Object judged;                 // The configuration without what was read here.

    // `invalid` names the field.
    static Result<CountersConfig> read(const json::Object& config);
};

}  // namespace serin::judge::sequential
