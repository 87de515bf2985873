#pragma once

#include "statistics/one_sample.h"
#include "statistics/share_bet.h"
#include "statistics/two_sample.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

// All that a sequential judge remembers of a release: a value of a few kilobytes, however many
// requests it has seen. state_json.h writes and reads it; a judge that goes on from what was read
// behaves, bit for bit, as if it had never stopped.

namespace serin::judge::sequential {

struct Count {
    std::uint64_t total = 0;
    std::uint64_t events = 0;
    friend bool operator==(const Count&, const Count&) = default;
};

struct ArmCounts {
    Count canary;
    Count stable;
};

// Failures or conversions, canary against stable.
struct RateState {
    statistics::TwoSample harm;
    statistics::TwoSample safety;  // Of the current step.
    statistics::TwoSample catastrophe;
    statistics::ShareBet share;
    statistics::Dispersion dispersion;
    statistics::Baseline baseline;
    double safety_difference = 0;  // The margin of the current step.
    statistics::Block pending;
    statistics::Second second;
    double opened_s = 0;  // When the pending block began.
    double canary_share = 0.05;
};

// Anything against a fixed bound.
struct BoundState {
    statistics::OneSample harm;
    statistics::OneSample safety;
    statistics::BoundAlarm stable_alarm;
    Count canary_pending;
    Count stable_pending;
};

constexpr std::size_t thresholds_max = 7;
constexpr std::size_t latency_buckets = 284;

// How slow stable was lately: two generations of a histogram.
struct LatencyMemory {
    std::array<std::uint32_t, latency_buckets> recent{};
    std::array<std::uint32_t, latency_buckets> older{};
    std::uint64_t recent_total = 0;
    std::uint64_t older_total = 0;
    double turned_s = 0;
};

struct LatencyState {
    struct Threshold {
        float limit_ms = 0;  // On stable; on the canary, this times the margin.
        statistics::TwoSample harm;
        statistics::Baseline baseline;
        std::uint32_t canary_slow = 0;  // Of the pending block.
        std::uint32_t stable_slow = 0;
    };
    struct Safety {
        std::array<double, 3> ln_wealth{};
        double ln_peak = 0;
        std::uint32_t canary_slow = 0;
    };
    std::array<Threshold, thresholds_max> thresholds;
    std::array<Safety, 2> safety;
    LatencyMemory memory;
    std::uint64_t canary_pending = 0;
    std::uint64_t stable_pending = 0;
    double opened_s = 0;
    double refreshed_s = 0;
    std::uint64_t learnt_from = 0;  // Observations behind the thresholds; 0: none yet.
    float canary_share = 0.05F;
};

using TestState = std::variant<RateState, BoundState, LatencyState>;

// What a metric may cost to remember, whatever its kind.
static_assert(sizeof(TestState) <= 4096);

struct MetricState {
    TestState test;
    // For people and estimates; the tests do not use them.
    ArmCounts release;
    ArmCounts step;
    double value = 1;  // The e-value where it is above 1, else anything up to 1.
};

enum class Decision {
    go_on,
    hold,          // There is some evidence of harm, or the surroundings are ill: do not advance.
    pass,          // Not worse than the margin allows, in this step.
    fail,          // Worse. Final.
    inconclusive,  // The step's time is over.
};

std::string_view to_string(Decision decision);  // "continue", "hold", "pass", ...

struct Ended {
    Decision decision = Decision::fail;
    double at_s = 0;
    std::uint64_t index = 0;  // How many outcomes had been seen, this one included.
    bool is_catastrophe = false;
};

// Of units (users, sessions) seen in this step, so that each counts once.
constexpr std::size_t unit_slots = 128;

struct State {
    std::vector<MetricState> metrics;
    std::array<std::uint32_t, unit_slots> units{};
    std::optional<double> origin_s;  // Of the first outcome; all other times count from it.
    double now_s = 0;
    double tick_s = 0;         // When the next whole second begins.
    bool has_started = false;  // The first canary request has been seen.
    double started_s = 0;
    double step_started_s = 0;
    std::uint64_t later_steps = 0;
    std::uint64_t observed = 0;
    double peak = 1;  // The highest e-value of all metrics together.
    Decision decision = Decision::go_on;
    std::optional<Ended> passed;  // In this step.
    std::optional<Ended> ended;   // Failed, or out of time in this step.
};

}  // namespace serin::judge::sequential
