#pragma once

#include "engine/turn.h"

#include <string>

// The stages of a decision where all traffic moves at once. Three rules hold on every path: the
// service of users is moved only to a revision whose replicas carry everything (or, going back, no
// fewer than serve now); what has not proved itself keeps it only with the judge's consent; and
// what the data plane was seen to do counts, not what a selector says.

namespace serin::engine {

// Another candidate, or another try: nothing of what was found out holds any more.
void reset_flip(Turn& turn);
// A person lifted a hold, or wants the candidate promoted whatever the checks say.
void resume_flip(Turn& turn);
void skip_flip_checks(Turn& turn);

void advance_flip(Turn& turn);
void place_flip(Turn& turn);
void size_flip(Turn& turn);
void retire_after_flip(Turn& turn);

// Whether the judge before (after) the flip is due, at work or has spoken.
bool wants_run_before_flip(const Turn& turn);
bool wants_run_after_flip(const Turn& turn);
// One of them has not spoken yet.
bool is_judging_flip(const Turn& turn);

// Counts that people see: those of the revision that serves, where there is one.
Counts flip_counts(const Turn& turn);
std::string describe_flip_wait(const Turn& turn);
// What the plan wants of the candidate now.
int flip_size_wanted(const Turn& turn);
// All new requests were seen to go to this revision.
bool is_serving_alone(const Turn& turn, const std::string& revision);

}  // namespace serin::engine
