#pragma once

#include "base/json.h"
#include "base/result.h"
#include "statistics/stakes.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// What a sequential judge is to guard, as read from `provider: {plugin: {serin/sequential: ...}}`.
// An empty object is a complete specification. docs/reference/judges.md documents every field.

namespace serin::judge::sequential {

enum class Subject {
    errors,       // A request fails.
    latency,      // It is slow, compared to what stable is used to.
    conversions,  // It leads to what the business wants.
};

// canary <= ratio * stable + difference is tolerated. For latency, `ratio` is how many times
// slower; for conversions, canary >= ratio * stable - difference is tolerated.
struct Margin {
    double ratio = 1;
    double difference = 0;
    friend bool operator==(const Margin&, const Margin&) = default;
};

struct MetricSpec {
    std::string name;
    Subject subject = Subject::errors;
    // Against a fixed bound instead of stable: the highest share of failed (or slow) requests, the
    // lowest of conversions.
    std::optional<double> bound;
    double limit_ms = 0;             // With `bound` and latency: what is slow.
    std::optional<double> quantile;  // Latency at this quantile alone, not the whole distribution.
    Margin margin;                   // Beyond it lies harm: evidence of that fails.
    Margin pass_margin;              // Within it lies what may pass.
    bool has_pass_difference = false;  // Else it follows stable's rate: half, at least 0.5 points.
    double share = 0;                  // Of alpha. All sum to 1.
    std::string counted_by;  // Judged by batches of these counters, not by outcomes. Empty: not.
    // Conversions: the header of the answer that tells them, in lower case; empty: each outcome
    // says for itself. Good is one of these values, or a number of at least so much.
    std::string header;
    std::vector<std::string> good;
    std::optional<double> good_from;
    friend bool operator==(const MetricSpec&, const MetricSpec&) = default;
};

struct Spec {
    double alpha = 0.01;  // Highest chance to fail a harmless canary, over the whole release.
    double beta = 0.05;   // Highest chance to pass one outside the margin, in each step.
    double hold_at = 10;  // Evidence at which the canary may not advance.
    double warmup_s = 0;  // In which only a catastrophe counts.
    std::optional<double> timeout_s;  // Of a step: then Inconclusive.
    std::vector<MetricSpec> metrics;
    statistics::StakePlan plan;
};

struct Problem {
    std::string pointer;  // Of the field in the value read: "/metrics/1/quantile".
    std::string message;
};

struct SpecRead {
    Spec spec;
    std::vector<Problem> problems;  // All of them; the spec is complete when there are none.
};

// Numbers may be text, as arguments are ("0.95"); durations are Go's ("30s"). `foreign` are further
// fields of the object, which its caller reads.
SpecRead read_spec(const json::Value& value, std::span<const std::string_view> foreign = {});
// The same with the first problem as an `invalid` error: "metrics[1].quantile: ...".
Result<Spec> parse_spec(const json::Value& value, std::span<const std::string_view> foreign = {});

// "/metrics/1/quantile" as people write it: "metrics[1].quantile".
std::string field_path(std::string_view pointer);

// Equal for specifications that judge alike: a state belongs to one.
std::string fingerprint(const Spec& spec);

}  // namespace serin::judge::sequential
