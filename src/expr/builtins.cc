#include "expr/builtins.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

namespace serin::expr {

namespace {

// The predicates' names; the evaluator runs them.
constexpr std::array<Builtin, 15> loops{{
    {"all", 2, 2, Type::boolean, nullptr, Loop::all},
    {"any", 2, 2, Type::boolean, nullptr, Loop::any},
    {"one", 2, 2, Type::boolean, nullptr, Loop::one},
    {"none", 2, 2, Type::boolean, nullptr, Loop::none_of},
    {"map", 2, 2, Type::list, nullptr, Loop::map},
    {"filter", 2, 2, Type::list, nullptr, Loop::filter},
    {"find", 2, 2, Type::unknown, nullptr, Loop::find},
    {"findIndex", 2, 2, Type::unknown, nullptr, Loop::find_index},
    {"findLast", 2, 2, Type::unknown, nullptr, Loop::find_last},
    {"findLastIndex", 2, 2, Type::unknown, nullptr, Loop::find_last_index},
    {"count", 1, 2, Type::integer, nullptr, Loop::count},
    {"sum", 1, 2, Type::unknown, nullptr, Loop::sum},
    {"groupBy", 2, 2, Type::unknown, nullptr, Loop::group_by},
    {"sortBy", 2, 3, Type::list, nullptr, Loop::sort_by},
    {"reduce", 2, 3, Type::unknown, nullptr, Loop::reduce},
}};

Value wrapped(std::uint64_t value) {
    return Value(static_cast<std::int64_t>(value));
}

bool precedes(const Value& left, const Value& right) {
    if (!left.is_number()) return less(left, right).value_or(false);
    // NaN first: a strict order, so that sorting stays defined.
    const bool is_left_nan = std::isnan(left.number());
    const bool is_right_nan = std::isnan(right.number());
    if (is_left_nan || is_right_nan) return is_left_nan && !is_right_nan;
    if (left.is(Kind::integer) && right.is(Kind::integer)) return left.integer() < right.integer();
    return left.number() < right.number();
}

}  // namespace

const Builtin* find_builtin(std::string_view name) {
    const std::array<std::span<const Builtin>, 5> parts{
        std::span<const Builtin>(loops),
        number_builtins(),
        text_builtins(),
        list_builtins(),
        other_builtins()};
    for (const auto part : parts) {
        const auto found = std::ranges::find(part, name, &Builtin::name);
        if (found != part.end()) return &*found;
    }
    return nullptr;
}

std::unexpected<Error> bad_argument(std::string_view function, const Value& value) {
    return fail(
        ErrorKind::invalid,
        fmt::format("invalid argument for {} (type {})", function, go_type(value.kind())));
}

Result<bool> less(const Value& left, const Value& right, std::string_view symbol) {
    if (left.is(Kind::integer) && right.is(Kind::integer)) return left.integer() < right.integer();
    if (left.is_number() && right.is_number()) return left.number() < right.number();
    if (left.kind() == right.kind()) {
        if (left.is(Kind::text)) return left.text() < right.text();
        if (left.is(Kind::time)) return left.time() < right.time();
        if (left.is(Kind::duration)) return left.duration() < right.duration();
    }
    return fail(
        ErrorKind::invalid,
        fmt::format(
            "invalid operation: {} {} {}", go_type(left.kind()), symbol, go_type(right.kind())));
}

Result<Value> sorted(
    Budget& budget,
    const std::vector<Value>& keys,
    const std::vector<Value>& items,
    std::string_view order) {
    if (order != "asc" && order != "desc") {
        return fail(
            ErrorKind::invalid, fmt::format("invalid order {}, expected asc or desc", order));
    }
    std::size_t weight = 0;
    for (const Value& key : keys) {
        SERIN_TRY_DO(less(keys.front(), key));
        weight += key.weight();
    }
    SERIN_TRY_DO(budget.work(weight));
    SERIN_TRY_DO(budget.memory(items.size() * (sizeof(Value) + sizeof(std::size_t))));

    std::vector<std::size_t> places(items.size());
    for (std::size_t i = 0; i < places.size(); ++i) places[i] = i;
    std::ranges::stable_sort(places, [&](std::size_t left, std::size_t right) {
        return order == "asc" ? precedes(keys[left], keys[right])
                              : precedes(keys[right], keys[left]);
    });
    std::vector<Value> out;
    out.reserve(items.size());
    for (const std::size_t place : places) out.push_back(items[place]);
    return Value(std::move(out));
}

Result<Value> add(Budget& budget, const Value& left, const Value& right) {
    if (left.is(Kind::integer) && right.is(Kind::integer)) {
        return wrapped(
            static_cast<std::uint64_t>(left.integer()) +
            static_cast<std::uint64_t>(right.integer()));
    }
    if (left.is_number() && right.is_number()) return Value(left.number() + right.number());
    if (left.is(Kind::text) && right.is(Kind::text)) {
        SERIN_TRY_DO(budget.memory(left.text().size() + right.text().size()));
        return Value(left.text() + right.text());
    }
    const auto sum = [](auto from, Duration by) {
        return Value(decltype(from)(Duration(static_cast<std::int64_t>(
            static_cast<std::uint64_t>(Duration(from - decltype(from){}).count()) +
            static_cast<std::uint64_t>(by.count())))));
    };
    if (right.is(Kind::duration)) {
        if (left.is(Kind::time)) return sum(left.time(), right.duration());
        if (left.is(Kind::duration)) return sum(left.duration(), right.duration());
    }
    if (left.is(Kind::duration) && right.is(Kind::time)) return sum(right.time(), left.duration());
    return fail(
        ErrorKind::invalid,
        fmt::format("invalid operation: {} + {}", go_type(left.kind()), go_type(right.kind())));
}

Result<std::int64_t> to_integer(const Value& value) {
    if (value.is(Kind::integer)) return value.integer();
    if (value.is(Kind::real)) {
        const double number = value.number();
        constexpr double limit = 9223372036854775808.0;
        if (number >= -limit && number < limit) return static_cast<std::int64_t>(number);
        // As Go does on amd64, also for NaN.
        return std::numeric_limits<std::int64_t>::min();
    }
    return fail(
        ErrorKind::invalid, fmt::format("invalid operation: int({})", go_type(value.kind())));
}

Result<std::int64_t> parse_integer(std::string_view text, std::string_view function) {
    std::string_view digits = text;
    if (digits.starts_with('+') && !digits.starts_with("+-")) digits.remove_prefix(1);
    std::int64_t number = 0;
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, number);
    if (error != std::errc() || stop != end) {
        return fail(
            ErrorKind::invalid, fmt::format("{}(\"{}\"): the text is no integer", function, text));
    }
    return number;
}

Result<double> parse_real(std::string_view text, std::string_view function) {
    std::string_view digits = text;
    if (digits.starts_with('+') && !digits.starts_with("+-")) digits.remove_prefix(1);
    double number = 0;
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, number);
    if (error != std::errc() || stop != end) {
        return fail(
            ErrorKind::invalid, fmt::format("{}(\"{}\"): the text is no number", function, text));
    }
    return number;
}

}  // namespace serin::expr
