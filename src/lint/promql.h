#pragma once

#include "base/time.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Enough of PromQL to see how a query is built: calls, aggregations, selectors and operators. It is
// no judge of queries: what it does not understand it does not read, and rules then say nothing.
// `{{...}}` may stand wherever a name, a number or a duration may.

namespace serin::lint::promql {

struct Matcher {
    std::string label;
    std::string op;  // "=", "!=", "=~", "!~".
    std::string value;
};

enum class ExprKind { number, text, selector, call, aggregation, binary, minus };

struct Expr {
    ExprKind kind = ExprKind::number;
    std::string name = {};  // Of the metric, function, aggregation or operator; the text.
    double number = 0;
    std::vector<Expr> children = {};  // Arguments or operands.
    // Selectors.
    std::vector<Matcher> matchers = {};
    bool has_range = false;         // [5m], also of a subquery.
    std::optional<Duration> range;  // Empty when it is not known.
    // Aggregations.
    bool is_grouped = false;  // With by or without.
    bool is_without = false;
    std::vector<std::string> labels = {};
};

// Empty for what is not understood. Never fails otherwise, whatever the text.
std::optional<Expr> parse(std::string_view query);

// Calls `visit` for the expression and all below it.
template <class Visit>
void walk(const Expr& expr, const Visit& visit) {
    visit(expr);
    for (const Expr& child : expr.children) walk(child, visit);
}

}  // namespace serin::lint::promql
