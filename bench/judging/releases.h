#pragma once

#include "judge/sequential/judge.h"
#include "judge/sequential/simulated_traffic.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

// Many made-up releases, each judged by the sequential judge with every request looked at. Equal
// seeds give equal releases.

namespace serin::bench {

using judge::sequential::Arm;
using judge::sequential::Dice;
using judge::sequential::Outcome;
using judge::sequential::Traffic;

// The outcomes of one release, one a call; and of the release with a number.
using Stream = std::function<Outcome()>;
using MakeStream = std::function<Stream(std::uint64_t number)>;

// Where the canary is and how its release is judged.
struct Release {
    std::string spec = "{}";  // The judge's, as JSON; the time of its steps is not limited.
    double until_s = 1800;
    double canary_max = 1e9;    // No more canary requests than these.
    std::vector<double> steps;  // When the later ones begin.
    bool ends_by_passing = false;
};

struct Ending {
    bool has_failed = false;
    bool has_passed = false;  // In any step.
    double at_s = 0;
    double canary = 0;  // Its requests until then.
};

std::vector<Ending> play(const Release& release, const MakeStream& streams, int releases);

// --- Streams.
Traffic::AtTime always(double value);
// 10, 25 and 50 %, `step_s` each.
Traffic::AtTime rising_weight(double step_s);
// Requests at random, as the traffic says.
MakeStream requests(const Traffic& traffic, std::uint64_t seed);
// The same, and what befalls single outcomes.
MakeStream requests(
    const Traffic& traffic, std::uint64_t seed, const std::function<void(Outcome&, Dice&)>& befall);
// The canary runs on an instance whose rate of failures is off by a factor e^(deviation * normal).
MakeStream noisy_instance(const Traffic& traffic, std::uint64_t seed, double deviation);

// Whoever fails does so `mean_size` times on average, on one arm, `gap_s` apart. The traffic's
// rates are those of all failures together.
struct Clusters {
    double mean_size = 5;
    double gap_s = 0;
    bool has_unit = true;  // The outcomes tell who it was.
};
MakeStream clustered(const Traffic& traffic, std::uint64_t seed, const Clusters& clusters);

// --- Of the endings.
double share_failed(const std::vector<Ending>& endings);  // In %.
double share_passed(const std::vector<Ending>& endings);
double mean_canary(const std::vector<Ending>& endings);  // Of those that ended by a decision.
// The canary requests that a share of all releases needed; infinite where it is not reached.
double quantile_canary(const std::vector<Ending>& endings, double share);

}  // namespace serin::bench
