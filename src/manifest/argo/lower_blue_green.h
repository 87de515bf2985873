#pragma once

#include "base/json.h"
#include "manifest/argo/lower.h"

namespace serin::argo {

// `spec.strategy.blueGreen` as a flip, added to what was read of the Rollout before.
void lower_blue_green(const json::Object& blue_green, Lowered& out);

}  // namespace serin::argo
