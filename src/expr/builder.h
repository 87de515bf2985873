#pragma once

#include "expr/lexer.h"
#include "expr/problem.h"
#include "expr/syntax.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Makes the nodes of a condition's tree and refuses those whose types cannot fit.

namespace serin::expr {

inline constexpr int nesting_max = 200;  // Of brackets while reading, and of the tree.

// Remembers the first problem; from then on every node it makes is null.
class Builder {
public:
    // `source` outlives the builder.
    explicit Builder(std::string_view source) : source_(source) {}

    bool is_stopped() const { return problem_.has_value(); }
    const std::optional<Problem>& problem() const { return problem_; }
    // Returns null, for the caller to return.
    NodePointer stop(std::size_t offset, std::string message);

    NodePointer make(Node node);
    NodePointer make_binary(
        Operator op,
        std::string_view symbol,
        std::size_t offset,
        NodePointer left,
        NodePointer right);
    NodePointer make_negation(std::size_t offset, NodePointer operand);
    NodePointer make_conditional(
        std::size_t offset, NodePointer condition, NodePointer then, NodePointer other);
    NodePointer make_sign(const Token& sign, NodePointer operand);
    // `#`, `#index` or `#acc`; `name` without the sign.
    NodePointer make_item(std::size_t offset, std::string name);
    NodePointer make_literal(std::size_t offset, Value value);
    NodePointer make_number(const Token& token);
    // `of[from:to]`; both bounds may be null.
    NodePointer make_slice(std::size_t offset, NodePointer of, NodePointer from, NodePointer to);
    NodePointer make_call(
        const Token& name, const Builtin& builtin, std::vector<NodePointer> arguments);
    NodePointer make_field(std::size_t offset, const Token& name, NodePointer of, bool is_optional);
    NodePointer make_element(std::size_t offset, NodePointer of, NodePointer at, bool is_optional);

private:
    std::string_view source_;
    std::optional<Problem> problem_;
};

}  // namespace serin::expr
