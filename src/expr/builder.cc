#include "expr/builder.h"

#include "expr/builtins.h"
#include "expr/pattern.h"
#include "expr/typing.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <re2/re2.h>
#include <utility>

namespace serin::expr {

namespace {

Type type(const NodePointer& node) {
    return node == nullptr ? Type::unknown : node->type;
}

bool fits(const NodePointer& node, Type wanted) {
    return type(node) == Type::unknown || type(node) == wanted;
}

}  // namespace

NodePointer Builder::stop(std::size_t offset, std::string message) {
    if (!problem_) problem_ = problem_at(source_, offset, std::move(message));
    return nullptr;
}

NodePointer Builder::make(Node node) {
    if (is_stopped()) return nullptr;
    for (const NodePointer& child : node.children) {
        if (child != nullptr) node.depth = std::max(node.depth, child->depth + 1);
    }
    if (node.depth > nesting_max) return stop(node.offset, "the condition is nested too deeply");
    return std::make_shared<const Node>(std::move(node));
}

NodePointer Builder::make_binary(
    Operator op, std::string_view symbol, std::size_t offset, NodePointer left, NodePointer right) {
    if (is_stopped()) return nullptr;
    const auto result = type_binary(op, symbol, type(left), type(right));
    if (!result) return stop(offset, result.error());
    Node node{.kind = NodeKind::binary, .offset = offset, .type = *result, .op = op};
    if (op == Operator::matches && right->kind == NodeKind::literal) {
        auto pattern = compile_pattern(right->literal.text());
        if (!pattern) return stop(right->offset, pattern.error().message);
        node.pattern = *std::move(pattern);
    }
    node.children = {std::move(left), std::move(right)};
    return make(std::move(node));
}

NodePointer Builder::make_negation(std::size_t offset, NodePointer operand) {
    if (!fits(operand, Type::boolean)) {
        return stop(
            offset,
            fmt::format("invalid operation: not (mismatched type {})", to_string(type(operand))));
    }
    return make(
        {.kind = NodeKind::negation,
         .offset = offset,
         .type = Type::boolean,
         .children = {std::move(operand)}});
}

NodePointer Builder::make_conditional(
    std::size_t offset, NodePointer condition, NodePointer then, NodePointer other) {
    if (!fits(condition, Type::boolean)) {
        return stop(
            offset,
            fmt::format(
                "non-bool expression (type {}) used as condition", to_string(type(condition))));
    }
    const Type result = type(then) == type(other) ? type(then) : Type::unknown;
    return make(
        {.kind = NodeKind::conditional,
         .offset = offset,
         .type = result,
         .children = {std::move(condition), std::move(then), std::move(other)}});
}

NodePointer Builder::make_sign(const Token& sign, NodePointer operand) {
    const Type known = type(operand);
    const bool is_minus = sign.text == "-";
    const bool is_right = known == Type::unknown || known == Type::integer || known == Type::real ||
                          (is_minus && known == Type::duration);
    if (!is_right) {
        return stop(
            sign.offset,
            fmt::format("invalid operation: {} (mismatched type {})", sign.text, to_string(known)));
    }
    return make(
        {.kind = is_minus ? NodeKind::minus : NodeKind::plus,
         .offset = sign.offset,
         .type = known,
         .children = {std::move(operand)}});
}

NodePointer Builder::make_item(std::size_t offset, std::string name) {
    if (!name.empty() && name != "index" && name != "acc") {
        return stop(offset, fmt::format("unknown pointer #{}", name));
    }
    const Type known = name == "index" ? Type::integer : Type::unknown;
    return make({.kind = NodeKind::item, .offset = offset, .type = known, .name = std::move(name)});
}

NodePointer Builder::make_literal(std::size_t offset, Value value) {
    const Type known = type_of(value.kind());
    return make(
        {.kind = NodeKind::literal, .offset = offset, .type = known, .literal = std::move(value)});
}

NodePointer Builder::make_number(const Token& token) {
    std::string text = token.text;
    std::erase(text, '_');
    const std::string prefix = text.substr(0, 2);
    const int base = prefix == "0x" || prefix == "0X"   ? 16
                     : prefix == "0o" || prefix == "0O" ? 8
                     : prefix == "0b" || prefix == "0B" ? 2
                                                        : 10;
    const char* end = text.data() + text.size();
    if (base == 10 && text.find_first_of(".eE") != std::string::npos) {
        double number = 0;
        const auto [stopped, error] = std::from_chars(text.data(), end, number);
        if (error != std::errc() || stopped != end) {
            return stop(token.offset, fmt::format("invalid float literal: {}", token.text));
        }
        return make_literal(token.offset, Value(number));
    }
    std::int64_t number = 0;
    const char* begin = text.data() + (base == 10 ? 0 : 2);
    const auto [stopped, error] = std::from_chars(begin, end, number, base);
    if (error != std::errc() || stopped != end) {
        return stop(token.offset, fmt::format("invalid integer literal: {}", token.text));
    }
    return make_literal(token.offset, Value(number));
}

NodePointer Builder::make_slice(
    std::size_t offset, NodePointer of, NodePointer from, NodePointer to) {
    const Type known = type(of);
    if (known != Type::unknown && known != Type::list && known != Type::text) {
        return stop(offset, fmt::format("cannot slice {}", to_string(known)));
    }
    for (const NodePointer* bound : {&from, &to}) {
        if (*bound != nullptr && !fits(*bound, Type::integer)) {
            return stop(
                (*bound)->offset,
                fmt::format("non-integer slice index {}", to_string(type(*bound))));
        }
    }
    return make(
        {.kind = NodeKind::slice,
         .offset = offset,
         .type = known,
         .children = {std::move(of), std::move(from), std::move(to)}});
}

NodePointer Builder::make_call(
    const Token& name, const Builtin& builtin, std::vector<NodePointer> arguments) {
    if (is_stopped()) return nullptr;
    if (arguments.size() < builtin.arguments_min) {
        return stop(name.offset, fmt::format("not enough arguments to call {}", name.text));
    }
    if (arguments.size() > builtin.arguments_max) {
        return stop(name.offset, fmt::format("too many arguments to call {}", name.text));
    }
    if (builtin.loop != Loop::none && !fits(arguments[0], Type::list)) {
        return stop(
            name.offset,
            fmt::format(
                "builtin {} takes only array (got {})", name.text, to_string(type(arguments[0]))));
    }
    const Type first = arguments.empty() ? Type::unknown : type(arguments[0]);
    const bool has_length =
        first == Type::unknown || first == Type::text || first == Type::list || first == Type::map;
    if (name.text == "len" && !has_length) {
        return stop(
            name.offset, fmt::format("invalid argument for len (type {})", to_string(first)));
    }
    return make(
        {.kind = NodeKind::call,
         .offset = name.offset,
         .type = builtin.type,
         .children = std::move(arguments),
         .name = name.text,
         .builtin = &builtin});
}

NodePointer Builder::make_field(
    std::size_t offset, const Token& name, NodePointer of, bool is_optional) {
    const Type known = type(of);
    if (known != Type::unknown && known != Type::map) {
        return stop(
            name.offset, fmt::format("type {} has no field {}", to_string(known), name.text));
    }
    return make(
        {.kind = NodeKind::member,
         .offset = offset,
         .children = {std::move(of), make_literal(name.offset, Value(name.text))},
         .is_optional = is_optional});
}

NodePointer Builder::make_element(
    std::size_t offset, NodePointer of, NodePointer at, bool is_optional) {
    if (is_stopped()) return nullptr;
    const Type known = type(of);
    if (known != Type::unknown && known != Type::map && known != Type::list) {
        return stop(
            offset, fmt::format("type {}[{}] is undefined", to_string(known), to_string(type(at))));
    }
    if (known == Type::map && !fits(at, Type::text)) {
        return stop(
            at->offset,
            fmt::format("cannot use {} to get an element from a map", to_string(type(at))));
    }
    if (known == Type::list && !fits(at, Type::integer)) {
        return stop(
            at->offset,
            fmt::format(
                "array elements can only be selected using an integer (got {})",
                to_string(type(at))));
    }
    return make(
        {.kind = NodeKind::member,
         .offset = offset,
         .children = {std::move(of), std::move(at)},
         .is_optional = is_optional});
}

}  // namespace serin::expr
