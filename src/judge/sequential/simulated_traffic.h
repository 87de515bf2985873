#pragma once

#include "judge/sequential/judge.h"

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>

// Made-up traffic for the judge's tests and benchmarks: equal seeds give equal streams, on every
// machine.

namespace serin::judge::sequential {

class Dice {
public:
    explicit Dice(std::uint64_t seed) : state_(seed) {}

    std::uint64_t bits() {  // SplitMix64.
        state_ += 0x9E3779B97F4A7C15ULL;
        std::uint64_t x = state_;
        x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9ULL;
        x = (x ^ (x >> 27U)) * 0x94D049BB133111EBULL;
        return x ^ (x >> 31U);
    }
    // Strictly between 0 and 1.
    double uniform() { return (static_cast<double>(bits() >> 12U) + 0.5) * 0x1p-52; }
    bool hits(double probability) { return uniform() < probability; }
    double waiting_time(double rate) { return -std::log(uniform()) / rate; }
    double normal() {
        constexpr double two_pi = 6.283185307179586;
        return std::sqrt(-2 * std::log(uniform())) * std::cos(two_pi * uniform());
    }

private:
    std::uint64_t state_;
};

// Requests arrive at random, each with its own chances. Times are seconds; those before 0 are
// history, without a canary.
struct Traffic {
    using AtTime = std::function<double(double at_s)>;

    double per_second = 100;
    double history_s = 0;
    AtTime weight = [](double) { return 0.05; };
    AtTime stable_failures = [](double) { return 0.001; };
    AtTime canary_failures = [](double) { return 0.001; };
    double median_ms = std::numeric_limits<double>::quiet_NaN();  // NaN: no latencies.
    double spread = 0.7;
    AtTime stable_slowness = [](double) { return 1.0; };
    AtTime canary_slowness = [](double) { return 1.0; };
};

// The next outcomes of the traffic, one a call, from -history_s on.
class TrafficSource {
public:
    TrafficSource(const Traffic& traffic, std::uint64_t seed)
        : traffic_(traffic), dice_(seed), at_s_(-traffic.history_s) {}

    Outcome next() {
        at_s_ += dice_.waiting_time(traffic_.per_second);
        Outcome outcome{.at_s = at_s_};
        const bool is_canary = at_s_ >= 0 && dice_.hits(traffic_.weight(at_s_));
        outcome.arm = is_canary ? Arm::canary : Arm::stable;
        outcome.failed = dice_.hits(
            is_canary ? traffic_.canary_failures(at_s_) : traffic_.stable_failures(at_s_));
        if (!std::isnan(traffic_.median_ms)) {
            const double slowness =
                is_canary ? traffic_.canary_slowness(at_s_) : traffic_.stable_slowness(at_s_);
            outcome.ms = slowness * traffic_.median_ms * std::exp(traffic_.spread * dice_.normal());
        }
        return outcome;
    }

    Dice& dice() { return dice_; }

private:
    const Traffic& traffic_;
    Dice dice_;
    double at_s_;
};

}  // namespace serin::judge::sequential
