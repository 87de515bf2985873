#pragma once

#include "expr/syntax.h"

#include <expected>
#include <string>
#include <string_view>

// Static types: what can be known to fail is refused before the first measurement.

namespace serin::expr {

// The language's name of a type: "int", "float", "nil".
std::string_view to_string(Type type);

Type type_of(Kind kind);

// The type of the result, or why the operands do not fit ("invalid operation: + (mismatched types
// int and string)").
std::expected<Type, std::string> type_binary(
    Operator op, std::string_view symbol, Type left, Type right);

}  // namespace serin::expr
