#include "expr/builtins.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>

namespace serin::expr {

namespace {

template <double (*round)(double)>
Result<Value> rounded(std::string_view name, const Value& value) {
    if (!value.is_number()) return bad_argument(name, value);
    return Value(round(value.number()));
}

Result<Value> call_ceil(const Surroundings&, Arguments given) {
    return rounded<std::ceil>("ceil", given[0]);
}
Result<Value> call_floor(const Surroundings&, Arguments given) {
    return rounded<std::floor>("floor", given[0]);
}
Result<Value> call_round(const Surroundings&, Arguments given) {
    return rounded<std::round>("round", given[0]);
}

Result<Value> call_abs(const Surroundings&, Arguments given) {
    const Value& value = given[0];
    if (value.is(Kind::real)) return Value(std::abs(value.number()));
    if (!value.is(Kind::integer)) return bad_argument("abs", value);
    const auto bits = static_cast<std::uint64_t>(value.integer());
    return Value(value.integer() < 0 ? static_cast<std::int64_t>(0 - bits) : value.integer());
}

Result<Value> call_int(const Surroundings&, Arguments given) {
    if (given[0].is(Kind::text)) {
        SERIN_TRY(const std::int64_t number, parse_integer(given[0].text(), "int"));
        return Value(number);
    }
    SERIN_TRY(const std::int64_t number, to_integer(given[0]));
    return Value(number);
}

Result<Value> call_float(const Surroundings&, Arguments given) {
    if (given[0].is_number()) return Value(given[0].number());
    if (!given[0].is(Kind::text)) return bad_argument("float", given[0]);
    SERIN_TRY(const double number, parse_real(given[0].text(), "float"));
    return Value(number);
}

Result<Value> call_as_int(const Surroundings&, Arguments given) {
    if (given[0].is(Kind::text)) {
        SERIN_TRY(const std::int64_t number, parse_integer(given[0].text(), "asInt"));
        return Value(number);
    }
    if (!given[0].is_number()) return bad_argument("asInt", given[0]);
    SERIN_TRY(const std::int64_t number, to_integer(given[0]));
    return Value(number);
}

Result<Value> call_as_float(const Surroundings&, Arguments given) {
    if (given[0].is_number()) return Value(given[0].number());
    if (!given[0].is(Kind::text)) return bad_argument("asFloat", given[0]);
    SERIN_TRY(const double number, parse_real(given[0].text(), "asFloat"));
    return Value(number);
}

Result<Value> call_is_nan(const Surroundings&, Arguments given) {
    if (!given[0].is_number()) return bad_argument("isNaN", given[0]);
    return Value(std::isnan(given[0].number()));
}

Result<Value> call_is_inf(const Surroundings&, Arguments given) {
    if (!given[0].is_number()) return bad_argument("isInf", given[0]);
    return Value(std::isinf(given[0].number()));
}

// All numbers of nested lists.
Result<> collect(
    std::string_view name, const Surroundings& around, Arguments given, std::vector<Value>& out) {
    SERIN_TRY_DO(around.budget.memory(given.size() * sizeof(Value)));
    for (const Value& value : given) {
        if (value.is_number()) {
            out.push_back(value);
        } else if (value.is(Kind::list)) {
            SERIN_TRY_DO(collect(name, around, value.items(), out));
        } else {
            return bad_argument(name, value);
        }
    }
    return {};
}

Result<Value> extreme(
    std::string_view name, const Surroundings& around, Arguments given, bool is_max) {
    // As in Go: one argument that is no number and no list is its own extreme.
    if (given.size() == 1 && !given[0].is_number() && !given[0].is(Kind::list)) return given[0];
    std::vector<Value> numbers;
    SERIN_TRY_DO(collect(name, around, given, numbers));
    if (numbers.empty()) return Value();
    Value best = numbers.front();
    for (const Value& number : numbers) {
        SERIN_TRY(const bool is_better, is_max ? less(best, number) : less(number, best));
        if (is_better) best = number;
    }
    return best;
}

Result<Value> call_max(const Surroundings& around, Arguments given) {
    return extreme("max", around, given, true);
}
Result<Value> call_min(const Surroundings& around, Arguments given) {
    return extreme("min", around, given, false);
}

Result<Value> call_mean(const Surroundings& around, Arguments given) {
    std::vector<Value> numbers;
    SERIN_TRY_DO(collect("mean", around, given, numbers));
    double sum = 0;
    for (const Value& number : numbers) sum += number.number();
    return Value(numbers.empty() ? 0.0 : sum / static_cast<double>(numbers.size()));
}

Result<Value> call_median(const Surroundings& around, Arguments given) {
    std::vector<Value> numbers;
    SERIN_TRY_DO(collect("median", around, given, numbers));
    if (numbers.empty()) return Value(0.0);
    SERIN_TRY(const Value sorted_numbers, sorted(around.budget, numbers, numbers, "asc"));
    const std::vector<Value>& items = sorted_numbers.items();
    const std::size_t middle = items.size() / 2;
    if (items.size() % 2 == 1) return Value(items[middle].number());
    return Value((items[middle - 1].number() + items[middle].number()) / 2);
}

template <class Compute>
Result<Value> on_bits(std::string_view name, Arguments given, Compute compute) {
    for (const Value& value : given) {
        if (!value.is(Kind::integer)) return bad_argument(name, value);
    }
    const auto left = static_cast<std::uint64_t>(given[0].integer());
    const auto right = given.size() > 1 ? static_cast<std::uint64_t>(given[1].integer()) : 0;
    return Value(static_cast<std::int64_t>(compute(left, right)));
}

Result<Value> call_bitand(const Surroundings&, Arguments given) {
    return on_bits("bitand", given, [](auto left, auto right) { return left & right; });
}
Result<Value> call_bitor(const Surroundings&, Arguments given) {
    return on_bits("bitor", given, [](auto left, auto right) { return left | right; });
}
Result<Value> call_bitxor(const Surroundings&, Arguments given) {
    return on_bits("bitxor", given, [](auto left, auto right) { return left ^ right; });
}
Result<Value> call_bitnand(const Surroundings&, Arguments given) {
    return on_bits("bitnand", given, [](auto left, auto right) { return left & ~right; });
}
Result<Value> call_bitnot(const Surroundings&, Arguments given) {
    return on_bits("bitnot", given, [](auto left, auto) { return ~left; });
}

template <class Compute>
Result<Value> shifted(std::string_view name, Arguments given, Compute compute) {
    if (given[1].is(Kind::integer) && given[1].integer() < 0) {
        return fail(ErrorKind::invalid, "invalid operation: negative shift count");
    }
    return on_bits(name, given, compute);
}

Result<Value> call_bitshl(const Surroundings&, Arguments given) {
    return shifted(
        "bitshl", given, [](auto left, auto right) { return right > 63 ? 0 : left << right; });
}
Result<Value> call_bitushr(const Surroundings&, Arguments given) {
    return shifted(
        "bitushr", given, [](auto left, auto right) { return right > 63 ? 0 : left >> right; });
}
Result<Value> call_bitshr(const Surroundings&, Arguments given) {
    return shifted("bitshr", given, [](auto left, auto right) {
        const auto by = static_cast<int>(std::min<std::uint64_t>(right, 63));
        return static_cast<std::uint64_t>(static_cast<std::int64_t>(left) >> by);
    });
}

constexpr std::array<Builtin, 22> table{{
    {"abs", 1, 1, Type::unknown, call_abs},
    {"ceil", 1, 1, Type::real, call_ceil},
    {"floor", 1, 1, Type::real, call_floor},
    {"round", 1, 1, Type::real, call_round},
    {"int", 1, 1, Type::integer, call_int},
    {"float", 1, 1, Type::real, call_float},
    {"asInt", 1, 1, Type::integer, call_as_int},
    {"asFloat", 1, 1, Type::real, call_as_float},
    {"isNaN", 1, 1, Type::boolean, call_is_nan},
    {"isInf", 1, 1, Type::boolean, call_is_inf},
    {"max", 1, any_number, Type::unknown, call_max},
    {"min", 1, any_number, Type::unknown, call_min},
    {"mean", 1, any_number, Type::real, call_mean},
    {"median", 1, any_number, Type::real, call_median},
    {"bitand", 2, 2, Type::integer, call_bitand},
    {"bitor", 2, 2, Type::integer, call_bitor},
    {"bitxor", 2, 2, Type::integer, call_bitxor},
    {"bitnand", 2, 2, Type::integer, call_bitnand},
    {"bitnot", 1, 1, Type::integer, call_bitnot},
    {"bitshl", 2, 2, Type::integer, call_bitshl},
    {"bitshr", 2, 2, Type::integer, call_bitshr},
    {"bitushr", 2, 2, Type::integer, call_bitushr},
}};

}  // namespace

std::span<const Builtin> number_builtins() {
    return table;
}

}  // namespace serin::expr
