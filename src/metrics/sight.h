#pragma once

#include "base/time.h"
#include "judge/sequential/judge.h"

#include <functional>
#include <string>
#include <vector>

namespace serin::metrics {

// What one metric of a judge needs, and has at the traffic so far, to see what it guards against.
struct Sight {
    double weight = 0;      // The candidate's share of the requests that the metric counts.
    double per_second = 0;  // Those of both arms.
    std::string fault;      // "2 % of failures where stable has 1 %".
    // Requests of the candidate that it takes to find that, at a weight.
    std::function<double(double weight)> size;
};

// Of each metric for which the traffic of the step so far says enough.
std::vector<Sight> sights_of(
    const judge::sequential::Spec& spec, const judge::sequential::State& state);

// "at 3 requests a second and a weight of 5 % ...": empty when there is time enough to see it.
// REQUIRES: 0 < weight <= 1, per_second > 0, time > 0.
std::string describe_blindness(const Sight& sight, Duration time);
// Of several, those that are blind.
std::string describe_blindness(const std::vector<Sight>& sights, Duration time);

}  // namespace serin::metrics
