#pragma once

#include "base/json.h"
#include "judge/sequential/judge.h"

// A verdict with all its numbers, for evidence, status and `serin judge sequential -o json`.

namespace serin::judge::sequential {

json::Object print_verdict(const Verdict& verdict);

}  // namespace serin::judge::sequential
