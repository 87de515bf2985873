#pragma once

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "expr/problem.h"
#include "expr/value.h"

#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

// The condition language of AnalysisTemplates, which is expr-lang (expr-lang.org) with the names
// `result`, asInt, asFloat, isNaN, isInf, isNil and default. A condition is compiled once and
// evaluated against measurements. It has no clock, loops over lists only, and every evaluation is
// bounded in work and memory, so a hostile condition fails and does nothing else.
//
// Different from expr-lang: what it calls time zones is left out, `upper` and `lower` know ASCII
// letters, and maps are walked in the order of their keys.

namespace serin::expr {

struct Node;

class Condition {
public:
    const std::string& source() const { return source_; }

    // It says something about the measurement at all.
    bool reads_result() const { return reads_result_; }
    // `result[0]` without a `len(result)`: an empty measurement will be an error.
    bool assumes_data() const { return assumes_data_; }

private:
    friend Result<Condition> compile(std::string_view source);
    friend Result<Value> evaluate(const Condition& condition, const Value& result, Instant now);

    // What the measurement is decides which operands fit: `result > 1` is no condition over a list.
    // So there is a tree, or why there is none, for each kind of measurement.
    using Tree = std::expected<std::shared_ptr<const Node>, std::string>;

    std::string source_;
    std::map<Kind, Tree> trees_;
    bool reads_result_ = false;
    bool assumes_data_ = false;
};

// Fails with `invalid`: syntax, unknown names, numbers of arguments, operands whose types can never
// fit. The message ends with the place: "unknown name foo (1:5)".
Result<Condition> compile(std::string_view source);

// The same check with the place apart and an excerpt to show; empty if the source compiles.
std::optional<Problem> find_problem(std::string_view source);

// Fails with `invalid`: an index out of range, operands that do not fit (whatever the condition
// would not have looked at included), too much work.
Result<Value> evaluate(const Condition& condition, const Value& result, Instant now);

// The verdict over a measurement as a provider gave it. Its numbers are floats, as Argo has them
// (`%` and `..` need asInt). Fails with `invalid` as `evaluate` does and with "expected bool, but
// got float64"; where the measurement is null or an empty list, the message is Argo's "metric
// result is nil or empty: no data returned from the metric provider".
Result<bool> evaluate_condition(const Condition& condition, const json::Value& result, Instant now);

}  // namespace serin::expr
