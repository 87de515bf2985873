#pragma once

#include "expr/value.h"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

// The tree of a condition. Nodes are shared, never changed once made: `1 < x < 3` has x twice.

namespace re2 {
class RE2;
}

namespace serin::expr {

struct Builtin;

// What is known about a value before it is computed.
enum class Type { unknown, nil, boolean, integer, real, text, list, map, time, duration };

enum class Operator {
    either,
    both,
    equals,
    differs,
    less,
    less_equal,
    greater,
    greater_equal,
    in,
    matches,
    contains,
    starts_with,
    ends_with,
    range,
    add,
    subtract,
    multiply,
    divide,
    modulo,
    power,
    coalesce,
};

enum class NodeKind {
    literal,
    result,    // The measurement.
    variable,  // name; bound by let.
    item,      // name: "" for #, else "index" or "acc".
    list,
    map,       // Key, value, key, value...
    negation,  // not x
    minus,
    plus,
    binary,
    member,  // Of a list, map or text; is_optional: nil ends the chain.
    slice,   // Children: what, from, to; from and to may be null.
    chain,   // Where a chain with ?. ends.
    call,    // builtin with arguments; a predicate is the node itself.
    method,  // name, on the first child.
    conditional,
    let,       // name, value, rest.
    sequence,  // The last is the value.
};

struct Node;
using NodePointer = std::shared_ptr<const Node>;

struct Node {
    NodeKind kind = NodeKind::literal;
    std::size_t offset = 0;
    Type type = Type::unknown;
    int depth = 1;
    std::vector<NodePointer> children = {};
    std::string name = {};
    Value literal = {};
    Operator op = Operator::either;
    bool is_optional = false;
    const Builtin* builtin = nullptr;
    std::shared_ptr<const re2::RE2> pattern = nullptr;  // Of `matches` with a literal.
};

}  // namespace serin::expr
