#include "expr/operators.h"

#include "expr/builtins.h"
#include "expr/pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <re2/re2.h>
#include <string_view>
#include <utility>
#include <vector>

namespace serin::expr {

namespace {

std::uint64_t bits(const Value& value) {
    return static_cast<std::uint64_t>(value.integer());
}

Value wrapped(std::uint64_t value) {
    return Value(static_cast<std::int64_t>(value));
}

std::unexpected<Error> mismatch(std::string_view symbol, const Value& left, const Value& right) {
    return fail(
        ErrorKind::invalid,
        fmt::format(
            "invalid operation: {} {} {}", go_type(left.kind()), symbol, go_type(right.kind())));
}

bool are_integers(const Value& left, const Value& right) {
    return left.is(Kind::integer) && right.is(Kind::integer);
}

bool are_numbers(const Value& left, const Value& right) {
    return left.is_number() && right.is_number();
}

// Durations stay within 64 bits, whatever they are multiplied with.
Value scaled(Duration length, double factor) {
    const auto count = to_integer(Value(static_cast<double>(length.count()) * factor));
    return Value(Duration(count.value_or(0)));
}

Result<Value> subtract(Budget& budget, const Value& left, const Value& right) {
    if (are_integers(left, right)) return wrapped(bits(left) - bits(right));
    if (are_numbers(left, right)) return Value(left.number() - right.number());
    if (left.is(Kind::time) && right.is(Kind::time)) {
        const auto count = static_cast<std::uint64_t>(left.time().time_since_epoch().count()) -
                           static_cast<std::uint64_t>(right.time().time_since_epoch().count());
        return Value(Duration(static_cast<std::int64_t>(count)));
    }
    if (right.is(Kind::duration) && (left.is(Kind::time) || left.is(Kind::duration))) {
        const auto count = 0 - static_cast<std::uint64_t>(right.duration().count());
        return add(budget, left, Value(Duration(static_cast<std::int64_t>(count))));
    }
    return mismatch("-", left, right);
}

Result<Value> multiply(const Value& left, const Value& right) {
    if (are_integers(left, right)) return wrapped(bits(left) * bits(right));
    if (are_numbers(left, right)) return Value(left.number() * right.number());
    if (left.is(Kind::duration) && right.is_number())
        return scaled(left.duration(), right.number());
    if (left.is_number() && right.is(Kind::duration))
        return scaled(right.duration(), left.number());
    return mismatch("*", left, right);
}

Result<Value> modulo(const Value& left, const Value& right) {
    if (!are_integers(left, right)) return mismatch("%", left, right);
    if (right.integer() == 0) return fail(ErrorKind::invalid, "integer divide by zero");
    if (right.integer() == -1) return Value(std::int64_t{0});  // The lowest integer overflows.
    return Value(left.integer() % right.integer());
}

Result<Value> make_range(Budget& budget, const Value& left, const Value& right) {
    SERIN_TRY(const std::int64_t first, to_integer(left));
    SERIN_TRY(const std::int64_t last, to_integer(right));
    std::vector<Value> items;
    if (first <= last) {
        const std::uint64_t size = bits(Value(last)) - bits(Value(first)) + 1;
        if (size == 0 || size > 1'000'000) {
            return fail(ErrorKind::invalid, "memory budget exceeded");
        }
        SERIN_TRY_DO(budget.memory(size * sizeof(Value)));
        items.reserve(size);
        for (std::uint64_t i = 0; i < size; ++i) items.push_back(wrapped(bits(Value(first)) + i));
    }
    return Value(std::move(items));
}

Result<> charge_comparison(Budget& budget, const Value& left, const Value& right) {
    return budget.work(std::min(left.weight(), right.weight()) / sizeof(Value));
}

Result<Value> is_in(Budget& budget, const Value& needle, const Value& hay) {
    if (hay.is(Kind::nil)) return Value(false);
    if (hay.is(Kind::map)) return Value(hay.members().contains(needle));
    if (!hay.is(Kind::list)) {
        return fail(
            ErrorKind::invalid,
            fmt::format("operator \"in\" not defined on {}", go_type(hay.kind())));
    }
    for (const Value& item : hay.items()) {
        SERIN_TRY_DO(charge_comparison(budget, item, needle));
        SERIN_TRY_DO(budget.work(1));
        if (equal(item, needle)) return Value(true);
    }
    return Value(false);
}

Result<Value> compare_texts(Budget& budget, Operator op, const Value& left, const Value& right) {
    const std::string_view symbol = op == Operator::matches     ? "matches"
                                    : op == Operator::contains  ? "contains"
                                    : op == Operator::ends_with ? "endsWith"
                                                                : "startsWith";
    if (!left.is(Kind::text) || !right.is(Kind::text)) return mismatch(symbol, left, right);
    SERIN_TRY_DO(budget.work((left.text().size() + right.text().size()) / 16));
    if (op == Operator::contains) return Value(left.text().contains(right.text()));
    if (op == Operator::starts_with) return Value(left.text().starts_with(right.text()));
    if (op == Operator::ends_with) return Value(left.text().ends_with(right.text()));
    // Compiling a pattern takes far longer than using it.
    SERIN_TRY_DO(budget.work(5'000 + 100 * right.text().size()));
    SERIN_TRY(const auto pattern, compile_pattern(right.text()));
    return Value(matches(*pattern, left.text()));
}

std::unexpected<Error> out_of_range(std::int64_t index, std::int64_t size) {
    return fail(
        ErrorKind::invalid,
        fmt::format("index out of range: {} (array length is {})", index, size));
}

// Where a bound of a slice lies; negative ones count from the end.
Result<std::int64_t> bound(const Value* given, std::int64_t otherwise, std::int64_t size) {
    if (given == nullptr) return otherwise;
    SERIN_TRY(const std::int64_t at, to_integer(*given));
    return std::clamp<std::int64_t>(at < 0 ? at + size : at, 0, size);
}

}  // namespace

Result<Value> apply(Budget& budget, Operator op, const Value& left, const Value& right) {
    switch (op) {
        case Operator::equals:
        case Operator::differs:
            SERIN_TRY_DO(charge_comparison(budget, left, right));
            return Value(equal(left, right) == (op == Operator::equals));
        case Operator::less: {
            SERIN_TRY(const bool is_less, less(left, right, "<"));
            return Value(is_less);
        }
        case Operator::greater: {
            SERIN_TRY_DO(less(left, right, ">"));
            return Value(*less(right, left));
        }
        // Not the opposite of `>`: NaN is neither.
        case Operator::less_equal: {
            SERIN_TRY(const bool is_less, less(left, right, "<="));
            return Value(is_less || equal(left, right));
        }
        case Operator::greater_equal: {
            SERIN_TRY_DO(less(left, right, ">="));
            return Value(*less(right, left) || equal(left, right));
        }
        case Operator::in:
            return is_in(budget, left, right);
        case Operator::matches:
        case Operator::contains:
        case Operator::starts_with:
        case Operator::ends_with:
            return compare_texts(budget, op, left, right);
        case Operator::range:
            return make_range(budget, left, right);
        case Operator::add:
            return add(budget, left, right);
        case Operator::subtract:
            return subtract(budget, left, right);
        case Operator::multiply:
            return multiply(left, right);
        case Operator::divide:
            if (!are_numbers(left, right)) return mismatch("/", left, right);
            return Value(left.number() / right.number());
        case Operator::modulo:
            return modulo(left, right);
        case Operator::power:
            if (!are_numbers(left, right)) return mismatch("**", left, right);
            return Value(std::pow(left.number(), right.number()));
        case Operator::either:
        case Operator::both:
        case Operator::coalesce:
            break;
    }
    std::abort();
}

Result<Value> negate_number(const Value& value) {
    if (value.is(Kind::integer)) return wrapped(0 - bits(value));
    if (value.is(Kind::real)) return Value(-value.number());
    if (value.is(Kind::duration)) {
        const auto count = 0 - static_cast<std::uint64_t>(value.duration().count());
        return Value(Duration(static_cast<std::int64_t>(count)));
    }
    return fail(ErrorKind::invalid, fmt::format("invalid operation: - {}", go_type(value.kind())));
}

Result<Value> pick(const Value& of, const Value& key) {
    if (of.is(Kind::map)) {
        const bool has_texts = !of.members().empty() && of.members().begin()->first.is(Kind::text);
        if (has_texts && !key.is(Kind::text)) {
            return fail(
                ErrorKind::invalid,
                fmt::format("cannot use {} to get an element from a map", go_type(key.kind())));
        }
        const auto found = of.members().find(key);
        return found == of.members().end() ? Value() : found->second;
    }
    if ((!of.is(Kind::list) && !of.is(Kind::text)) || !key.is_number()) {
        return fail(
            ErrorKind::invalid,
            fmt::format(
                "cannot fetch {} from {}",
                key.weight() < 200 ? go_text(key) : std::string(go_type(key.kind())),
                go_type(of.kind())));
    }
    SERIN_TRY(const std::int64_t wanted, to_integer(key));
    const auto size =
        static_cast<std::int64_t>(of.is(Kind::list) ? of.items().size() : of.text().size());
    const std::int64_t index = wanted < 0 ? wanted + size : wanted;
    if (index < 0 || index >= size) return out_of_range(index, size);
    const auto place = static_cast<std::size_t>(index);
    if (of.is(Kind::list)) return of.items()[place];
    return Value(std::int64_t{static_cast<unsigned char>(of.text()[place])});
}

Result<Value> cut(Budget& budget, const Value& of, const Value* from, const Value* to) {
    if (!of.is(Kind::list) && !of.is(Kind::text)) {
        return fail(ErrorKind::invalid, fmt::format("cannot slice {}", go_type(of.kind())));
    }
    const auto size =
        static_cast<std::int64_t>(of.is(Kind::list) ? of.items().size() : of.text().size());
    SERIN_TRY(const std::int64_t end, bound(to, size, size));
    SERIN_TRY(const std::int64_t start, bound(from, 0, size));
    const std::int64_t begin = std::min(start, end);
    const auto length = static_cast<std::size_t>(end - begin);
    if (of.is(Kind::text)) {
        SERIN_TRY_DO(budget.memory(length));
        return Value(of.text().substr(static_cast<std::size_t>(begin), length));
    }
    SERIN_TRY_DO(budget.memory(length * sizeof(Value)));
    const auto first = of.items().begin() + begin;
    return Value(std::vector<Value>(first, first + static_cast<std::ptrdiff_t>(length)));
}

Result<Value> call_method(std::string_view name, const Value& of, const Value* argument) {
    if (of.is(Kind::duration) && argument == nullptr) {
        const auto count = static_cast<double>(of.duration().count());
        if (name == "Hours") return Value(count / 3'600'000);
        if (name == "Minutes") return Value(count / 60'000);
        if (name == "Seconds") return Value(count / 1'000);
        if (name == "Milliseconds") return Value(std::int64_t{of.duration().count()});
    }
    if (of.is(Kind::time) && argument == nullptr) {
        const std::int64_t count = of.time().time_since_epoch().count();
        const auto day = std::chrono::floor<std::chrono::days>(of.time());
        const std::chrono::year_month_day date(day);
        const auto clock = of.time() - day;
        if (name == "UnixMilli") return Value(count);
        if (name == "Unix") return Value(count / 1'000 - (count % 1'000 < 0 ? 1 : 0));
        if (name == "Year") return Value(std::int64_t{static_cast<int>(date.year())});
        if (name == "Month") return Value(std::int64_t{static_cast<unsigned>(date.month())});
        if (name == "Day") return Value(std::int64_t{static_cast<unsigned>(date.day())});
        if (name == "Hour") return Value(std::int64_t{clock / std::chrono::hours(1)});
        if (name == "Minute") return Value(std::int64_t{clock / std::chrono::minutes(1) % 60});
        if (name == "Second") return Value(std::int64_t{clock / std::chrono::seconds(1) % 60});
    }
    if (of.is(Kind::time) && argument != nullptr && argument->is(Kind::time)) {
        Budget budget;
        if (name == "Sub") return subtract(budget, of, *argument);
        if (name == "Before") return Value(of.time() < argument->time());
        if (name == "After") return Value(of.time() > argument->time());
        if (name == "Equal") return Value(of.time() == argument->time());
    }
    return fail(
        ErrorKind::invalid,
        fmt::format("type {} has no method {} for this", go_type(of.kind()), name));
}

}  // namespace serin::expr
