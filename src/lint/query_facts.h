#pragma once

#include "base/time.h"
#include "lint/promql.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What can be known of a query's result before it is asked. Everything errs on the side of silence.

namespace serin::lint {

enum class SampleType { unknown, counter, gauge };

// By the naming rules of Prometheus: "_total", "_bucket"... are counters, and names such as
// process_resident_memory_bytes or go_goroutines are gauges.
SampleType sample_type(std::string_view metric);

// A number, not a vector: conditions see it without a list around.
bool is_scalar(const promql::Expr& expr);
// Series that nobody has counted yet do not exist, so a vector may have no element.
bool may_be_empty(const promql::Expr& expr);
// 0/0, or a quantile of nothing.
bool may_be_nan(const promql::Expr& expr);
// More than one element, by the look of it.
bool may_be_many(const promql::Expr& expr);

std::vector<const promql::Expr*> selectors(const promql::Expr& expr);

// The name of the first selector that asks for answers with errors, where a service without errors
// has no series; empty if there is none.
std::string error_selector(const promql::Expr& expr);

// A share of requests: failed by all, or good by all.
struct Share {
    bool is_success = false;
    bool is_percent = false;  // 0 to 100.
    std::optional<Duration> window;
};
std::optional<Share> share_of(const promql::Expr& expr);

}  // namespace serin::lint
