#pragma once

#include "model/experiment.h"

// The experiment engine, pure as `decide` is: no clock, no I/O, and a decision that is lost is made
// again from what is seen.

namespace serin::engine {

// Arms get their replicas; when all have them, judges begin and the duration counts; a judge that
// does not succeed, an arm that makes no progress, all required judges' success, the end of the
// duration or a person end it; then judges stop, and replicas go after the retire delay, but not
// while requests may reach them.
TrialDecision decide_experiment(
    const TrialPlan& plan, const TrialState& before, const TrialSeen& seen);

}  // namespace serin::engine
