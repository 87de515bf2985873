#pragma once

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What a rehearsal assumes about the world, as `serin rehearse` takes it from the command line;
// docs/reference/rehearse.md is the manual of the words.

namespace serin::rehearse {

// How one version answers its requests. Latencies are lognormal through the two quantiles.
struct Behaviour {
    double error_share = 0.001;
    double p50_ms = 40;
    double p95_ms = 120;
};

// Changes `behaviour` as "error=5%,p50=40ms,p95=120ms" says; what is left out stays. A new p95
// without a p50 keeps the spread that there was. Fails with `invalid`.
Result<Behaviour> read_behaviour(std::string_view text, Behaviour behaviour);

// "500rps", "500", "30rpm", "2M/day": requests a second.
Result<double> read_traffic(std::string_view text);
// "0.1%" or "0.001".
Result<double> read_share(std::string_view text);

// Something that goes wrong, from `from` after the start of the release for `lasting`. Pods are the
// new version's.
struct Fault {
    enum class Kind {
        pods_slow,  // Ready after up to `time`.
        pods_never_ready,
        pods_crash,      // Each after `time` on average, again and again.
        router_slow,     // A split is in force after up to `time`.
        router_refuses,  // Writes fail.
        metric_late,     // Answers take up to `time`.
        metric_empty,    // No data.
        metric_error,
        overload,  // From `weight` on, the new version's error share is `share`.
        leak,      // After `time` under traffic its error share grows by `share` a minute.
    };
    Kind kind = Kind::pods_slow;
    Duration time{0};
    double weight = 0;
    double share = 0;
    Duration from{0};
    std::optional<Duration> lasting;
    std::string text;  // As it was given.

    bool goes_on(Duration since_start) const {
        return since_start >= from && (!lasting || since_start < from + *lasting);
    }
};

// "KIND[=VALUE][@FROM[+FOR]]": "pods-crash=5m", "overload=40:10%", "metric-empty@2m+30s".
Result<Fault> read_fault(std::string_view text);

// "NAME=VALUE": what a metric answers. The value is JSON, or "nodata".
Result<std::pair<std::string, json::Value>> read_metric_value(std::string_view text);

struct Settings {
    double traffic = 100;  // Requests a second, of all versions.
    double users = 0;      // People behind them; 0: one a request a minute.
    Behaviour stable;
    Behaviour candidate;
    std::vector<Fault> faults;
    std::map<std::string, json::Value> metric_values;  // Null: no data.
    std::optional<Duration> promote_after;             // A person promotes what waits for one.
    Duration pod_start = std::chrono::seconds(5);
    Duration scrape = std::chrono::seconds(15);  // How often Prometheus looks.
    double pod_cost = 0;                         // An hour.
    Duration horizon = std::chrono::hours(24);   // A release that has not ended by then stalls.
    std::int64_t runs = 1000;
    std::uint64_t seed = 1;
    int jobs = 1;

    double user_count() const { return users > 0 ? users : traffic * 60; }
};

}  // namespace serin::rehearse
