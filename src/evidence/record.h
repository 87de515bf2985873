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

// One metric of a judge's run, as it was when the decision was made.
struct Number {
    std::string run;
    std::string metric;
    std::string phase;
    std::string value;      // The last measured one.
    std::string condition;  // What it had to meet.
    std::string window;     // Time between measurements, or of the query.
    int measurements = 0;
    int failed = 0;
    int failed_max = 0;
    std::string message;
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
