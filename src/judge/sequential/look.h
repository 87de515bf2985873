#pragma once

#include "judge/sequential/spec.h"
#include "judge/sequential/state.h"

#include <cstdint>
#include <string>

// How each kind of metric takes in requests: one set of functions, overloaded by the kind's state.
// Requests wait in a block until it may be judged; blocks are closed by their size and by the
// clock, never by what came of their requests.

namespace serin::judge::sequential {

enum class Arm : std::uint8_t { canary, stable };

// What a metric's tests bet on; follows from its specification.
struct MetricBets {
    statistics::Bets harm;
    statistics::Bets safety;
    statistics::BoundBets bound_harm;
    statistics::BoundBets bound_safety;
};
MetricBets bets_for(const MetricSpec& spec);

// The circumstances under which a metric looks at something.
struct Look {
    const MetricSpec& spec;
    const MetricBets& bets;
    statistics::FactorCache& cache;
    double now_s = 0;
    const statistics::StakePlan& plan;
    std::uint64_t later_steps = 0;
    double elapsed_s = 0;      // Since the canary's first request.
    bool has_started = false;  // The canary has had a request.
    bool is_warming = false;   // Its first requests do not count yet.

    // What may be staked by now.
    double stakes() const {
        return has_started ? statistics::stakes_due(plan, later_steps, elapsed_s) : 0;
    }
};

// One request, or many of one arm.
struct Trial {
    Count count;
    double ms = 0;           // For latency, which takes one request at a time.
    bool is_single = true;   // Many at once do not tell whether events come in clusters.
    bool is_half_a = false;  // A fair coin by unit.
};

// What a look brought.
enum class News : std::uint8_t {
    none,      // Nothing was judged yet.
    calm,      // The evidence of harm is below 1.
    evidence,  // It may be anything.
};

News take(RateState& state, const Look& look, Arm arm, const Trial& trial);
News take(BoundState& state, const Look& look, Arm arm, const Trial& trial);
News take(LatencyState& state, const Look& look, Arm arm, const Trial& trial);

// A whole second has begun.
News tick(RateState& state, const Look& look);
News tick(BoundState& state, const Look& look);
News tick(LatencyState& state, const Look& look);

// The canary's first request, or the next step: safety is to be shown anew.
void begin_step(RateState& state, const Look& look);
void begin_step(BoundState& state, const Look& look);
void begin_step(LatencyState& state, const Look& look);

// ln of the e-process against "within the margin".
double ln_harm(const RateState& state, const MetricSpec& spec, const MetricBets& bets);
double ln_harm(const BoundState& state, const MetricSpec& spec, const MetricBets& bets);
double ln_harm(const LatencyState& state, const MetricSpec& spec, const MetricBets& bets);

// ln of the highest value in this step of the e-process against "outside the margin".
double ln_safety(const RateState& state, const MetricSpec& spec);
double ln_safety(const BoundState& state, const MetricSpec& spec);
double ln_safety(const LatencyState& state, const MetricSpec& spec);

bool is_clustered(const RateState& state, const MetricSpec& spec);
// Against a margin so wide that nothing but a broken canary is beyond it: for the warm-up.
double ln_catastrophe(const RateState& state);

// The same of any metric.
double safety_of(const MetricState& metric, const MetricSpec& spec);
// Stable itself breaks the metric's bound.
bool is_ill(const MetricState& metric, const MetricBets& bets);
// Evidence in the warm-up that the canary is broken, at its share of alpha.
bool is_catastrophe(const State& state, const Spec& spec);
// What people are shown a metric's counts of "slow" by; 0: not known yet.
double display_limit(const LatencyState& state, const MetricSpec& spec);

// --- Latency's thresholds.
std::size_t threshold_count(const MetricSpec& spec);
bool has_thresholds(const LatencyState& state);
// Of stable's lately, in milliseconds, to a bucket's edge that has something above it; 0 when too
// little is known.
double quantile(const LatencyMemory& memory, double quantile);

}  // namespace serin::judge::sequential
