#pragma once

#include "base/result.h"
#include "base/time.h"
#include "expr/syntax.h"
#include "expr/value.h"

namespace serin::expr {

// Computes a tree's value within a budget of its own. Fails with `invalid`.
Result<Value> evaluate_tree(const Node& root, const Value& result, Instant now);

}  // namespace serin::expr
