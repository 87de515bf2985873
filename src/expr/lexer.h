#pragma once

#include "expr/problem.h"

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

// Source text to tokens.

namespace serin::expr {

enum class TokenKind { end, identifier, number, text, op, bracket };

struct Token {
    TokenKind kind = TokenKind::end;
    std::string text;  // For texts: what the quotes mean.
    std::size_t offset = 0;
};

// The last token is the end. Words that are operators ("in", "not", "let") are of kind op.
std::expected<std::vector<Token>, Problem> tokenize(std::string_view source);

// As messages show it: Operator("=="), EOF.
std::string to_string(const Token& token);

}  // namespace serin::expr
