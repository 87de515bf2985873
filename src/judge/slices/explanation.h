#pragma once

#include "base/json.h"
#include "judge/sequential/judge.h"
#include "statistics/confidence.h"
#include "statistics/two_sample.h"

#include <string>
#include <vector>

// In which slices of the traffic a canary is worse, for people and programs.

namespace serin::judge::slices {

constexpr std::size_t questions_max = 3;

// One way to be worse, asked in each slice.
struct Question {
    std::size_t index = 0;  // Of the metric in the judge's specification.
    std::string metric;     // Its name: "error-rate".
    std::string event;      // As people say it: "failed", "were slow", "did not convert".
    statistics::Bets bets;
    sequential::Subject subject = sequential::Subject::errors;

    // Conversions are wanted: the harm is in those that did not.
    bool is_event_good() const { return subject == sequential::Subject::conversions; }
};

// What a judge's specification asks: one question for each kind of metric in it. Metrics against a
// bound are compared with stable here, by the default margin.
std::vector<Question> questions_of(const sequential::Spec& spec);

struct Found {
    std::string dimension;  // "route", "method", "status", "pod", "header x-client-version".
    std::string value;
    std::string metric;
    std::string event;
    double e_value = 1;  // Evidence that the canary is worse there than the margin allows.
    sequential::ArmEstimate canary;  // `events` count against it: failures, slow answers, misses.
    sequential::ArmEstimate stable;
    statistics::Interval difference;    // Of the rates, canary less stable; covers 95 %.
    std::vector<std::string> examples;  // Ids of such requests of the canary, the newest first.
};

struct Explanation {
    std::vector<Found> found;  // What the rest follows from, the clearest first.
    // Slices are worse, but of routes, methods, pods and headers none stands out: the canary is
    // worse in all of its requests, as far as there are enough to tell.
    bool is_even = false;
    std::string hint;        // Where nothing stands out: what comes next, without evidence.
    std::size_t tested = 0;  // Slices and questions.
    double alpha = 0;        // Highest share of wrong ones among what is found, on average.

    bool is_empty() const { return found.empty() && hint.empty() && !is_even; }
};

// A sentence without its full stop; empty when there is nothing to say.
std::string describe(const Explanation& explanation);
json::Object print_explanation(const Explanation& explanation);

}  // namespace serin::judge::slices
