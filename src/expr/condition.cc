#include "expr/condition.h"

#include "expr/evaluator.h"
#include "expr/parser.h"
#include "expr/typing.h"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace serin::expr {

namespace {

constexpr std::array measured_kinds{
    Kind::nil,
    Kind::boolean,
    Kind::integer,
    Kind::real,
    Kind::text,
    Kind::list,
    Kind::map,
    Kind::time,
    Kind::duration};

}  // namespace

Result<Condition> compile(std::string_view source) {
    auto parsed = parse(source, Type::unknown);
    if (!parsed) {
        const Problem& problem = parsed.error();
        return fail(
            ErrorKind::invalid,
            fmt::format("{} ({}:{})", problem.message, problem.line, problem.column));
    }
    Condition condition;
    condition.source_ = source;
    for (const Kind kind : measured_kinds) {
        auto typed = parse(source, type_of(kind));
        Condition::Tree& tree = condition.trees_[kind];
        if (typed) {
            tree = std::move(typed->root);
        } else {
            tree = std::unexpected(std::move(typed.error().message));
        }
    }
    condition.reads_result_ = parsed->reads_result;
    condition.assumes_data_ = parsed->indexes_result && !parsed->asks_length;
    return condition;
}

std::optional<Problem> find_problem(std::string_view source) {
    auto parsed = parse(source, Type::unknown);
    if (parsed) return std::nullopt;
    return std::move(parsed).error();
}

Result<Value> evaluate(const Condition& condition, const Value& result, Instant now) {
    const auto& tree = condition.trees_.at(result.kind());
    if (!tree) return fail(ErrorKind::invalid, tree.error());
    return evaluate_tree(**tree, result, now);
}

Result<bool> evaluate_condition(
    const Condition& condition, const json::Value& result, Instant now) {
    const Value measured = from_json(result);
    const auto value = evaluate(condition, measured, now);
    if (value && value->is(Kind::boolean)) return value->boolean();

    const bool is_empty =
        measured.is(Kind::nil) || (measured.is(Kind::list) && measured.items().empty());
    if (is_empty) {
        return fail(
            ErrorKind::invalid,
            "metric result is nil or empty: no data returned from the metric provider");
    }
    if (!value) return std::unexpected(value.error());
    return fail(
        ErrorKind::invalid, fmt::format("expected bool, but got {}", go_type(value->kind())));
}

}  // namespace serin::expr
