#pragma once

#include "base/time.h"
#include "judge/sample_size.h"

#include <string>

namespace serin::metrics {

// What a judge needs, and has at the traffic so far, to see what it guards against.
struct Sight {
    double weight = 0;      // The candidate's share of the requests.
    double per_second = 0;  // Requests of both arms.
    judge::Effect effect;   // Stable's failures, and those of a candidate that has to be found.
    judge::SequentialTest test;
    Duration release{0};  // Expected of a release, for a run without an end of its own.
};

// "at 3 requests a second and a weight of 5 % ...": empty when there is time enough to see it.
// REQUIRES: 0 < weight < 1, per_second > 0, rates strictly between 0 and 1, time > 0.
std::string describe_blindness(const Sight& sight, Duration time);

}  // namespace serin::metrics
