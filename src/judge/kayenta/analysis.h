#pragma once

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "judge/kayenta/judge.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

// A canary analysis while the release goes on, as read from `provider: {plugin: {serin/kayenta:
// ...}}`: which series are asked for, when they are judged and what a score means.
// docs/reference/judges.md documents every field.

namespace serin::judge::kayenta {

enum class Side { control, experiment };

// What Kayenta calls a scope: what the texts of a query are filled in with.
struct Scope {
    std::map<std::string, std::string> parameters;  // "scope", "location" and others.
};

// One series, or several by tags, to ask for.
struct SeriesQuery {
    std::string metric;
    Side side = Side::control;
    bool is_requests = false;       // Those that Serin sees; else of Prometheus.
    json::Object config;            // Of the provider.
    std::vector<std::string> tags;  // Those to keep; empty: all.
};

struct AnalysisSpec {
    Config config;
    Thresholds thresholds;
    Duration begin_after{0};
    Duration interval{0};
    Duration step{60'000};
    Duration lifetime{0};
    std::optional<Duration> lookback;  // Empty: since the beginning.
    std::vector<SeriesQuery> queries;  // Of each metric: control, experiment.
    std::vector<Problem> warnings;     // About the canary configuration.

    // `invalid` names the field.
    static Result<AnalysisSpec> read(const json::Object& config);

    std::int64_t judgements() const { return lifetime / interval; }
    // What is looked at by judgement number 1, 2, ... of an analysis that started at `started`.
    struct Window {
        Instant begin;
        Instant end;
    };
    Window window(Instant started, std::int64_t number) const;
};

// What a score means while an analysis goes on, by Kayenta's rules: a score up to the marginal one
// ends it; the last one has to reach the one that passes.
enum class Outcome { go_on, pass, fail, inconclusive };
Outcome outcome_of(const Report& report, bool is_last);

// Points by the times at which they were measured; a time without one is no data. The window has
// one point at the end of each step.
MetricSet on_grid(
    std::string metric,
    Tags tags,
    const std::vector<std::pair<Instant, double>>& points,
    const AnalysisSpec::Window& window,
    Duration step);

}  // namespace serin::judge::kayenta
