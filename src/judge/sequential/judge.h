#pragma once

#include "judge/sequential/look.h"
#include "judge/sequential/spec.h"
#include "judge/sequential/state.h"
#include "statistics/confidence.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The sequential judge: looks at every request of a release as it ends, and at any moment has a
// verdict that holds at that moment. The chance that it ever fails a canary that is within the
// margins is at most `alpha` over the whole release: all metrics, all steps, however often one
// looks, whatever happens to both arms together, however the weight moves. The chance to pass a
// canary outside the margins is at most `beta` in each step.
//
// Pure: time comes with the outcomes, and equal streams give equal states, bit for bit. The judge
// holds only its specification and a cache; what it remembers is in the State. How it works and
// when to use it: docs/judging.md.

namespace serin::judge::sequential {

// One request as it ended. Whether a request is looked at must not depend on how it ended.
struct Outcome {
    Arm arm = Arm::stable;
    double at_s = 0;  // Of one clock, from any origin; what comes out of order counts as now.
    bool failed = false;
    double ms = std::numeric_limits<double>::quiet_NaN();  // NaN: it has no latency.
    std::optional<bool> converted;                         // Empty: not a chance to convert.
    // Of metrics that a header tells (business.h), a bit a metric: whether it told, and well.
    std::uint16_t told = 0;
    std::uint16_t good = 0;
    // Where users or sessions, not requests, are assigned to arms: a hash of the user. Only the
    // first outcome of each counts in a step. 0: each request is a unit.
    std::uint64_t unit = 0;
};

// What counters of one metric grew by since they were last read.
struct Batch {
    std::size_t metric = 0;  // Index in the specification.
    double at_s = 0;
    ArmCounts counts;  // REQUIRES: events <= total.
};

// What a counter that only grows did between two readings. A smaller one began anew.
constexpr std::uint64_t counter_growth(std::uint64_t before, std::uint64_t now) {
    return now >= before ? now - before : now;
}

struct ArmEstimate {
    std::uint64_t total = 0;
    std::uint64_t events = 0;
    double rate = 0;
    statistics::Interval interval;  // 95 %, valid at every look if the rate is constant.
};

struct MetricVerdict {
    std::string name;
    double e_value = 1;          // Evidence of harm beyond the margin.
    double pass_e_value = 1;     // Evidence in this step that it is within.
    bool is_safe = false;        // The latter suffices.
    bool is_clustered = false;   // Failures come in clusters and are judged by the second.
    bool is_stable_ill = false;  // Stable itself breaks the bound.
    ArmEstimate canary;          // In this step. For latency: of the highest threshold that tells.
    ArmEstimate stable;
    std::string event;   // What was counted: "failed", "slower than 158 ms".
    std::string margin;  // "1.2 x stable + 0.05 points".
};

struct Verdict {
    Decision decision = Decision::go_on;
    std::string rule;         // "harm", "catastrophe", "non-inferiority", "deadline", ...
    std::string explanation;  // For people: the rule and its numbers, one or two sentences.
    double e_value = 1;
    double p_value = 1;  // Always valid: 1 / the highest e-value so far.
    double fail_at = 100;
    double pass_at = 20;
    double at_s = 0;  // When it fell; else now.
    std::uint64_t index = 0;
    std::vector<MetricVerdict> metrics;
    // Canary requests, and seconds at the step's traffic so far, until the canary can be expected
    // to pass or fail if it goes on like this. Empty: not in sight.
    std::optional<double> requests_to_decision;
    std::optional<double> seconds_to_decision;
};

class Judge {
public:
    // REQUIRES: as read_spec() returns it without problems; the cache outlives the judge.
    Judge(Spec spec, statistics::FactorCache& cache);

    const Spec& spec() const { return spec_; }
    State begin() const;

    // All of these return whether the decision changed. After `ended` nothing does any more, until
    // the next step if it was inconclusive. Outcomes of stable before the first canary request are
    // history: they teach what is normal.
    bool observe(State& state, const Outcome& outcome) const;
    bool observe(State& state, const Batch& batch) const;
    // The next step begins: its passing needs evidence of its own.
    void begin_step(State& state, double now_s) const;
    // Time has passed without an outcome.
    bool advance_time(State& state, double now_s) const;

    // What state.decision rests on.
    Verdict verdict(const State& state) const;

private:
    bool move_to(State& state, double at_s) const;
    void start(State& state) const;
    News take(State& state, std::size_t metric, Arm arm, const Trial& trial) const;
    void note(State& state, std::size_t metric, News news) const;
    void tick(State& state) const;
    bool settle(State& state) const;
    void find_end(State& state) const;
    Look look(const State& state, std::size_t metric) const;
    double total_value(const State& state) const;

    Spec spec_;
    std::vector<MetricBets> bets_;
    double fail_at_ = 100;
    statistics::FactorCache* cache_;
};

}  // namespace serin::judge::sequential
