#pragma once

#include <cstddef>
#include <string>
#include <string_view>

// Why a source text is no condition, with the place.

namespace serin::expr {

struct Problem {
    std::size_t offset = 0;  // In bytes.
    int line = 0;            // From 1.
    int column = 0;
    std::string message;  // "unexpected token EOF".
    std::string excerpt;  // The line with a caret below the place; two lines.
};

Problem problem_at(std::string_view source, std::size_t offset, std::string message);

}  // namespace serin::expr
