#include "lint/query_facts.h"

#include <algorithm>
#include <array>
#include <utility>

namespace serin::lint {

using promql::Expr;
using promql::ExprKind;

namespace {

constexpr std::string_view counter_ends[] = {"_total", "_count", "_sum", "_bucket", "_created"};
constexpr std::string_view gauge_ends[] = {
    "_bytes",     "_ratio",      "_percent", "_celsius",  "_connections", "_goroutines", "_threads",
    "_in_use",    "_usage",      "_size",    "_length",   "_depth",       "_active",     "_idle",
    "_open",      "_limit",      "_max",     "_min",      "_utilization", "_available",  "_free",
    "_used",      "_fds",        "_info",    "_inflight", "_pending",     "_waiting",    "_current",
    "_in_flight", "_saturation", "_level",   "_load1",    "_per_user",    "_score",      "_rate"};
constexpr std::string_view status_labels[] = {
    "status",
    "code",
    "status_code",
    "statuscode",
    "response_code",
    "http_status",
    "http_status_code",
    "http_response_status_code",
    "response_code_class",
    "envoy_response_code_class",
    "status_class",
    "classification",
    "result",
    "outcome"};
constexpr std::string_view functions_over_counters[] = {"rate", "irate", "increase"};

template <class Range>
bool ends_with_any(std::string_view text, const Range& ends) {
    return std::ranges::any_of(ends, [&](std::string_view end) { return text.ends_with(end); });
}

bool is_call(const Expr& expr, std::string_view name) {
    return expr.kind == ExprKind::call && expr.name == name;
}

bool is_number(const Expr& expr) {
    return expr.kind == ExprKind::number ||
           (expr.kind == ExprKind::selector && expr.name.starts_with("{{") &&
            expr.name.ends_with("}}") && expr.matchers.empty() && !expr.has_range);
}

bool is_comparison(const std::string& op) {
    return op == ">" || op == "<" || op == ">=" || op == "<=" || op == "==" || op == "!=";
}

// The argument that is a vector: the last but for the few that have it first.
const Expr* vector_argument(const Expr& call) {
    if (call.children.empty()) return nullptr;
    if (call.kind == ExprKind::aggregation) return &call.children.back();
    const bool is_quantile = call.name == "histogram_quantile" || call.name == "quantile_over_time";
    return is_quantile ? &call.children.back() : &call.children.front();
}

// Can be 0 although the service works, because nothing was counted.
bool may_be_zero(const Expr& expr) {
    if (is_number(expr)) return expr.kind == ExprKind::number && expr.number == 0;
    if (expr.kind == ExprKind::call) {
        if (expr.name == "clamp_min") return false;
        if (expr.name == "vector" || expr.name == "time") return false;
    }
    if (expr.kind == ExprKind::binary) {
        if (is_comparison(expr.name)) return expr.name != ">";
        if (expr.name == "+") {
            return may_be_zero(expr.children.front()) && may_be_zero(expr.children.back());
        }
        if (expr.name == "or") {
            return may_be_zero(expr.children.front());
        }
    }
    return true;
}

enum class Answers { unknown, all, failed, good };

Answers answers_of(const promql::Matcher& matcher) {
    const auto is_same = [&](std::string_view label) { return matcher.label == label; };
    if (std::ranges::none_of(status_labels, is_same)) return Answers::unknown;
    std::string_view value = matcher.value;
    while (value.starts_with('^') || value.starts_with('(')) value.remove_prefix(1);
    const bool names_failed = value.starts_with('5') || value.starts_with("[45]") ||
                              value.starts_with("4..|5") || value.starts_with("4xx|5xx") ||
                              value == "error" || value == "failure" || value == "failed";
    const bool names_good = value.starts_with('2') || value.starts_with("[123") ||
                            value.starts_with("[23") || value.starts_with("1") ||
                            value == "success" || value == "ok";
    const bool is_negated = matcher.op.starts_with('!');
    if (names_failed) return is_negated ? Answers::good : Answers::failed;
    if (names_good) return is_negated ? Answers::failed : Answers::good;
    return Answers::unknown;
}

// What one side of a division counts.
Answers answers_of(const Expr& side) {
    Answers seen = Answers::unknown;
    bool counts = false;
    promql::walk(side, [&](const Expr& part) {
        if (part.kind == ExprKind::call && std::ranges::find(functions_over_counters, part.name) !=
                                               std::end(functions_over_counters)) {
            counts = true;
        }
        if (part.kind != ExprKind::selector) return;
        for (const promql::Matcher& matcher : part.matchers) {
            const Answers answers = answers_of(matcher);
            if (answers != Answers::unknown) seen = answers;
        }
        const bool names_errors = part.name.contains("error") || part.name.contains("fail");
        if (seen == Answers::unknown && names_errors) seen = Answers::failed;
    });
    if (!counts) return Answers::unknown;
    return seen == Answers::unknown ? Answers::all : seen;
}

std::optional<Duration> window_of(const Expr& expr) {
    std::optional<Duration> window;
    promql::walk(expr, [&](const Expr& part) {
        if (part.has_range && part.range && (!window || *part.range > *window)) {
            window = part.range;
        }
    });
    return window;
}

}  // namespace

SampleType sample_type(std::string_view metric) {
    if (metric.contains("{{") || metric.empty()) return SampleType::unknown;
    if (ends_with_any(metric, counter_ends)) return SampleType::counter;
    if (ends_with_any(metric, gauge_ends) || metric == "up") return SampleType::gauge;
    for (const std::string_view part : {"memory", "goroutines", "heap", "queue_length"}) {
        if (metric.contains(part)) return SampleType::gauge;
    }
    return SampleType::unknown;
}

bool is_scalar(const Expr& expr) {
    if (expr.kind == ExprKind::number) return true;
    if (is_call(expr, "scalar") || is_call(expr, "time")) return true;
    if (expr.kind == ExprKind::minus) return is_scalar(expr.children.front());
    if (expr.kind != ExprKind::binary) return false;
    return is_scalar(expr.children.front()) && is_scalar(expr.children.back());
}

bool may_be_empty(const Expr& expr) {
    if (is_number(expr) || is_scalar(expr) || is_call(expr, "vector")) return false;
    if (expr.kind == ExprKind::binary) {
        const bool left = may_be_empty(expr.children.front());
        const bool right = may_be_empty(expr.children.back());
        return expr.name == "or" ? left && right : left || right || is_comparison(expr.name);
    }
    if (expr.kind == ExprKind::call || expr.kind == ExprKind::aggregation) {
        const Expr* argument = vector_argument(expr);
        return !argument || may_be_empty(*argument);
    }
    if (expr.kind == ExprKind::minus) return may_be_empty(expr.children.front());
    return true;
}

bool may_be_nan(const Expr& expr) {
    bool found = false;
    promql::walk(expr, [&](const Expr& part) {
        if (is_call(part, "histogram_quantile")) found = true;
        if (part.kind == ExprKind::binary && part.name == "/" &&
            may_be_zero(part.children.back())) {
            found = true;
        }
    });
    // `x > 0` and the like drop NaN.
    const bool is_filtered = expr.kind == ExprKind::binary && is_comparison(expr.name);
    return found && !is_filtered;
}

bool may_be_many(const Expr& expr) {
    if (is_number(expr) || is_scalar(expr) || is_call(expr, "vector")) return false;
    if (is_call(expr, "absent") || is_call(expr, "absent_over_time")) return false;
    if (expr.kind == ExprKind::aggregation) {
        if (expr.name == "topk" || expr.name == "bottomk") {
            return expr.children.empty() || expr.children.front().number != 1;
        }
        if (expr.name == "count_values") return true;
        return expr.is_grouped && (expr.is_without || !expr.labels.empty());
    }
    if (is_call(expr, "histogram_quantile")) {
        const Expr* buckets = vector_argument(expr);
        if (!buckets || buckets->kind != ExprKind::aggregation) return true;
        return buckets->is_without || buckets->labels.size() > 1;
    }
    if (expr.kind == ExprKind::call) {
        const Expr* argument = vector_argument(expr);
        return argument && may_be_many(*argument);
    }
    if (expr.kind == ExprKind::binary) {
        const bool left = may_be_many(expr.children.front());
        return left || (is_scalar(expr.children.front()) || is_number(expr.children.front()) ||
                                expr.name == "or"
                            ? may_be_many(expr.children.back())
                            : false);
    }
    if (expr.kind == ExprKind::minus) return may_be_many(expr.children.front());
    return expr.kind == ExprKind::selector;
}

std::vector<const Expr*> selectors(const Expr& expr) {
    std::vector<const Expr*> found;
    promql::walk(expr, [&](const Expr& part) {
        if (part.kind == ExprKind::selector && !is_number(part)) found.push_back(&part);
    });
    return found;
}

std::string error_selector(const Expr& expr) {
    for (const Expr* selector : selectors(expr)) {
        for (const promql::Matcher& matcher : selector->matchers) {
            if (!matcher.op.starts_with('!') && answers_of(matcher) == Answers::failed) {
                return selector->name;
            }
        }
    }
    return {};
}

std::optional<Share> share_of(const Expr& expr) {
    if (expr.kind != ExprKind::binary) return std::nullopt;
    const Expr& left = expr.children.front();
    const Expr& right = expr.children.back();
    if (expr.name == "or") return share_of(left);
    if (expr.name == "*" && right.kind == ExprKind::number && right.number == 100) {
        auto share = share_of(left);
        if (share) share->is_percent = true;
        return share;
    }
    if (expr.name == "-" && left.kind == ExprKind::number && left.number == 1) {
        auto share = share_of(right);
        if (share) share->is_success = !share->is_success;
        return share;
    }
    if (expr.name != "/") return std::nullopt;
    const Answers above = answers_of(left);
    const Answers below = answers_of(right);
    if (below != Answers::all || above == Answers::unknown || above == Answers::all) {
        return std::nullopt;
    }
    return Share{
        .is_success = above == Answers::good, .is_percent = false, .window = window_of(expr)};
}

}  // namespace serin::lint
