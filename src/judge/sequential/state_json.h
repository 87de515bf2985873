#pragma once

#include "base/json.h"
#include "base/result.h"
#include "judge/sequential/spec.h"
#include "judge/sequential/state.h"

// A judge's memory as JSON, to be kept where the release's state is kept. Numbers are packed
// exactly (base64 of their bits): a judge that goes on from what was read equals one that never
// stopped.

namespace serin::judge::sequential {

json::Object print_state(const State& state, const Spec& spec);

// Fails with `invalid` if the value is not a state, or is one of another specification or version.
Result<State> read_state(const json::Value& value, const Spec& spec);

}  // namespace serin::judge::sequential
