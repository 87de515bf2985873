#pragma once

#include "base/json.h"
#include "base/time.h"
#include "judge/verdict.h"

#include <string>

namespace serin::judge {

// What a metric asks of one measured value; an empty condition is not asked.
struct Conditions {
    std::string success;
    std::string failure;
};

// Judges one measured value: Failed if the failure condition holds, else Successful if the success
// condition does or is not asked, else Inconclusive, or Failed where only success is asked. Both
// conditions are evaluated; one that cannot be makes the verdict Error. `rule` and `reason` name
// the condition that decided.
Verdict assess_value(const Conditions& conditions, const json::Value& result, Instant now);

}  // namespace serin::judge
