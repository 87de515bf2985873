#pragma once

#include "base/json.h"
#include "base/time.h"
#include "model/decision.h"
#include "model/observation.h"

#include <optional>
#include <string>
#include <vector>

// A decision as it goes into the evidence log: where the release stood, what was seen, which rule
// with which numbers decided, and what is done about it. Everything needed to check it afterwards
// is in it.

namespace serin::evidence {

// A release as people see it.
struct StandShown {
    std::string phase;
    std::string message;
    std::string candidate;
    std::string stable;
    std::optional<int> step;  // From 0.
    int steps = 0;
    std::optional<int> weight;  // Of the candidate, in parts of weight_max.
    int weight_max = 100;
};

// What a measurement was made of, where its source tells.
struct SampleShown {
    std::int64_t requests = 0;  // Judged.
    std::optional<std::int64_t> failed;
    std::optional<std::int64_t> lost;     // Of them: the gateway got no answer.
    std::optional<std::int64_t> retried;  // Of them: answered by another replica in the end.
    // Where sides were compared.
    std::string candidate_value;
    std::string stable_value;
    std::optional<std::int64_t> stable_requests;
};

// So many measurements ended one way, and how many may.
struct Tally {
    std::int64_t count = 0;
    std::optional<std::int64_t> max;  // Empty: as many as there are.
};

// One metric of a judge's run, as it was when the decision was made: in JSON
//
//   run, metric, phase  "shop-v2-2-1", "success-rate", "Failed"
//   value               last measured, as the measurement has it: "[0.75]"
//   condition           the threshold, as the template has it: "result[0] >= 0.95"
//   n, of               how much was judged: 20 "requests", or, where the source does not count
//                       them, 3 "measurements"
//   window              time that `value` is of: "1.9s"; without `of: requests`, from the run's
//                       start to the last measurement
//   failedRequests, lostRequests, retriedRequests       of the n
//   candidateValue, stableValue, stableN                where sides were compared
//   measurements, failed, inconclusive, errors          measurements taken, and how they ended
//   failedMax, inconclusiveMax, consecutiveErrorsMax    how many of each may be
//   interval            between measurements, as the template has it
//   early               true: measured before its time, with the request that decided
//   message             what the metric says
//   where               in which slices of the traffic the candidate is worse: {slices, text, ...}
//
// Keys of what is unknown are left out.
struct Number {
    std::string run;
    std::string metric;
    std::string phase;
    std::string value;
    std::string condition;
    std::string window;
    std::string interval;
    std::optional<SampleShown> sample;
    std::int64_t measurements = 0;
    Tally failed;
    Tally inconclusive;
    Tally errors;  // The most allowed is of those in a row.
    bool is_early = false;
    std::string message;
    json::Object where;  // As judge/slices prints it; empty: nothing is known.
};

struct Record {
    StandShown before;
    StandShown after;
    std::vector<Cause> causes;
    std::vector<Number> numbers;
    std::vector<Action> actions;
    std::optional<SplitSeen> split;
    std::vector<RevisionSeen> revisions;
};

json::Object to_json(const Record& record);
json::Object to_json(const Action& action);

// One clause: "set the candidate's weight to 5 of 100".
std::string describe(const Action& action);

}  // namespace serin::evidence
