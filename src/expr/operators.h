#pragma once

#include "base/result.h"
#include "expr/budget.h"
#include "expr/syntax.h"
#include "expr/value.h"

// Operators on computed values.

namespace serin::expr {

// REQUIRES: `op` is none of `either`, `both` and `coalesce`, which may leave their right side
// alone.
Result<Value> apply(Budget& budget, Operator op, const Value& left, const Value& right);
Result<Value> negate_number(const Value& value);

// of[key]; fails for an index out of range and for what has no parts. A missing member is nil.
Result<Value> pick(const Value& of, const Value& key);
// of[from:to], bounds cut to what there is; null stands for the end.
Result<Value> cut(Budget& budget, const Value& of, const Value* from, const Value* to);
// Methods of times and durations: x.Hours(), now().Sub(t).
Result<Value> call_method(std::string_view name, const Value& of, const Value* argument);

}  // namespace serin::expr
