#include "expr/typing.h"

#include <fmt/format.h>

#include <cstdlib>
#include <optional>

namespace serin::expr {

namespace {

bool is_number(Type type) {
    return type == Type::integer || type == Type::real;
}

// Unknown fits everything; it fails, if it does, when evaluated.
bool may_be(Type type, Type wanted) {
    return type == Type::unknown || type == wanted;
}
bool may_be_number(Type type) {
    return type == Type::unknown || is_number(type);
}

Type number_type(Type left, Type right) {
    if (left == Type::unknown || right == Type::unknown) return Type::unknown;
    return left == Type::integer && right == Type::integer ? Type::integer : Type::real;
}

bool have_order(Type left, Type right) {
    if (may_be_number(left) && may_be_number(right)) return true;
    for (const Type type : {Type::text, Type::time, Type::duration}) {
        if (may_be(left, type) && may_be(right, type)) return true;
    }
    return false;
}

bool are_comparable(Type left, Type right) {
    if (left == Type::nil || right == Type::nil) return true;
    return may_be(left, right) || right == Type::unknown || (is_number(left) && is_number(right));
}

std::optional<Type> type_sum(Operator op, Type left, Type right) {
    if (may_be_number(left) && may_be_number(right)) return number_type(left, right);
    if (op == Operator::add && may_be(left, Type::text) && may_be(right, Type::text)) {
        return Type::text;
    }
    if (may_be(left, Type::time) && may_be(right, Type::duration)) return Type::time;
    if (op == Operator::add && may_be(left, Type::duration) && may_be(right, Type::time)) {
        return Type::time;
    }
    if (op == Operator::subtract && may_be(left, Type::time) && may_be(right, Type::time)) {
        return Type::duration;
    }
    if (may_be(left, Type::duration) && may_be(right, Type::duration)) return Type::duration;
    return std::nullopt;
}

std::optional<Type> type_product(Type left, Type right) {
    if (may_be_number(left) && may_be_number(right)) return number_type(left, right);
    const bool is_scaled = (may_be_number(left) && right == Type::duration) ||
                           (left == Type::duration && may_be_number(right));
    if (is_scaled) return Type::duration;
    return std::nullopt;
}

std::optional<Type> given(bool fits, Type type) {
    return fits ? std::optional(type) : std::nullopt;
}

std::optional<Type> type_result(Operator op, Type left, Type right) {
    switch (op) {
        case Operator::either:
        case Operator::both:
            return given(
                may_be(left, Type::boolean) && may_be(right, Type::boolean), Type::boolean);
        case Operator::equals:
        case Operator::differs:
            return given(are_comparable(left, right), Type::boolean);
        case Operator::less:
        case Operator::less_equal:
        case Operator::greater:
        case Operator::greater_equal:
            return given(have_order(left, right), Type::boolean);
        case Operator::in:
            return given(
                may_be(right, Type::list) || (may_be(right, Type::map) && may_be(left, Type::text)),
                Type::boolean);
        case Operator::matches:
        case Operator::contains:
        case Operator::starts_with:
        case Operator::ends_with:
            return given(may_be(left, Type::text) && may_be(right, Type::text), Type::boolean);
        case Operator::range:
            return given(may_be(left, Type::integer) && may_be(right, Type::integer), Type::list);
        case Operator::add:
        case Operator::subtract:
            return type_sum(op, left, right);
        case Operator::multiply:
            return type_product(left, right);
        case Operator::divide:
        case Operator::power:
            return given(may_be_number(left) && may_be_number(right), Type::real);
        case Operator::modulo:
            return given(
                may_be(left, Type::integer) && may_be(right, Type::integer), Type::integer);
        case Operator::coalesce:
            if (left == Type::nil) return right;
            return right == Type::nil || left == right ? left : Type::unknown;
    }
    std::abort();
}

}  // namespace

std::string_view to_string(Type type) {
    switch (type) {
        case Type::unknown:
            return "unknown";
        case Type::nil:
            return "nil";
        case Type::boolean:
            return "bool";
        case Type::integer:
            return "int";
        case Type::real:
            return "float";
        case Type::text:
            return "string";
        case Type::list:
            return "array";
        case Type::map:
            return "map";
        case Type::time:
            return "time";
        case Type::duration:
            return "duration";
    }
    std::abort();
}

Type type_of(Kind kind) {
    // The kinds have the types' order, behind `unknown`.
    return static_cast<Type>(static_cast<int>(kind) + 1);
}

std::expected<Type, std::string> type_binary(
    Operator op, std::string_view symbol, Type left, Type right) {
    if (const auto type = type_result(op, left, right)) return *type;
    return std::unexpected(fmt::format(
        "invalid operation: {} (mismatched types {} and {})",
        symbol,
        to_string(left),
        to_string(right)));
}

}  // namespace serin::expr
