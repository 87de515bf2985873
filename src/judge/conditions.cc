#include "judge/conditions.h"

#include "base/result.h"
#include "expr/condition.h"

#include <fmt/format.h>

#include <optional>

namespace serin::judge {

namespace {

// Empty when the condition is not asked.
Result<std::optional<bool>> holds(
    std::string_view name, const std::string& source, const json::Value& result, Instant now) {
    if (source.empty()) return std::nullopt;
    const std::string attempt = fmt::format("could not evaluate {} \"{}\"", name, source);
    const auto condition = expr::compile(source);
    if (!condition) return std::unexpected(Error(condition.error()).within(attempt));
    const auto verdict = expr::evaluate_condition(*condition, result, now);
    if (!verdict) return std::unexpected(Error(verdict.error()).within(attempt));
    return *verdict;
}

Verdict decided(Phase phase, std::string_view rule, const std::string& source, bool is_held) {
    return {
        .phase = phase,
        .rule = std::string(rule),
        .reason = fmt::format("{} \"{}\" is {}", rule, source, is_held)};
}

}  // namespace

Verdict assess_value(const Conditions& conditions, const json::Value& result, Instant now) {
    constexpr std::string_view success_name = "successCondition";
    constexpr std::string_view failure_name = "failureCondition";
    const auto success = holds(success_name, conditions.success, result, now);
    if (!success)
        return {.phase = Phase::error, .rule = "error", .reason = success.error().message};
    const auto failure = holds(failure_name, conditions.failure, result, now);
    if (!failure)
        return {.phase = Phase::error, .rule = "error", .reason = failure.error().message};

    if (*failure == true) return decided(Phase::failed, failure_name, conditions.failure, true);
    if (*success == true) return decided(Phase::successful, success_name, conditions.success, true);
    if (!*success && !*failure) return {.phase = Phase::successful, .rule = "none"};
    if (!*success) return decided(Phase::successful, failure_name, conditions.failure, false);
    if (!*failure) return decided(Phase::failed, success_name, conditions.success, false);
    return {
        .phase = Phase::inconclusive,
        .rule = "both",
        .reason = "neither successCondition nor failureCondition holds"};
}

}  // namespace serin::judge
