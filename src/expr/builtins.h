#pragma once

#include "base/result.h"
#include "base/time.h"
#include "expr/budget.h"
#include "expr/syntax.h"
#include "expr/value.h"

#include <span>
#include <string_view>

// The functions of the condition language: one table that the parser and the evaluator share.

namespace serin::expr {

// What a function may look at beside its arguments.
struct Surroundings {
    const Value& result;
    Instant now;
    Budget& budget;
};

using Arguments = std::span<const Value>;
using Function = Result<Value> (*)(const Surroundings&, Arguments);

// Functions that take a predicate are computed by the evaluator, which has its scope.
enum class Loop {
    none,
    all,
    any,
    one,
    none_of,
    map,
    filter,
    find,
    find_index,
    find_last,
    find_last_index,
    count,
    sum,
    group_by,
    sort_by,
    reduce,
};

struct Builtin {
    std::string_view name;
    std::size_t arguments_min = 0;
    std::size_t arguments_max = 0;
    Type type = Type::unknown;
    Function function = nullptr;
    Loop loop = Loop::none;
};

inline constexpr std::size_t any_number = 1'000;

const Builtin* find_builtin(std::string_view name);

// Each file of builtins gives its part of the table.
std::span<const Builtin> number_builtins();
std::span<const Builtin> text_builtins();
std::span<const Builtin> list_builtins();
std::span<const Builtin> other_builtins();

// "invalid argument for abs (type string)".
std::unexpected<Error> bad_argument(std::string_view function, const Value& value);

// `<` of the language; fails where the kinds have no order.
Result<bool> less(const Value& left, const Value& right, std::string_view symbol = "<");
// Sorts by `<`, NaN first; equal values keep their order. Descending for "desc".
Result<Value> sorted(
    Budget& budget,
    const std::vector<Value>& keys,
    const std::vector<Value>& items,
    std::string_view order);
Result<Value> add(Budget& budget, const Value& left, const Value& right);
Result<std::int64_t> to_integer(const Value& value);

// Go's reading of numbers in texts.
Result<std::int64_t> parse_integer(std::string_view text, std::string_view function);
Result<double> parse_real(std::string_view text, std::string_view function);

}  // namespace serin::expr
