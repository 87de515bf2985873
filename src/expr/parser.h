#pragma once

#include "expr/problem.h"
#include "expr/syntax.h"

#include <expected>
#include <string_view>

// Tokens to a tree whose names are known and whose types fit as far as they can be known.

namespace serin::expr {

struct Parsed {
    NodePointer root;
    bool reads_result = false;
    bool indexes_result = false;
    bool asks_length = false;  // `len(result)` or `isNil` or `default` occurs.
};

// `result_type` is what the measurement is known to be.
std::expected<Parsed, Problem> parse(std::string_view source, Type result_type);

}  // namespace serin::expr
