#pragma once

#include <cstddef>
#include <string>
#include <string_view>

// UTF-8, as the Unicode Standard has it (15.0, table 3-7): no overlong forms, no surrogates,
// nothing beyond U+10FFFF.

namespace serin {

// Bytes of the character that `text` begins with, 1 to 4; 0 when it begins with none.
std::size_t utf8_size(std::string_view text);

// `text` with each byte that belongs to no character replaced by U+FFFD.
std::string repair_utf8(std::string_view text);

// As much of `text` as fits into `bytes_max` without cutting a character.
std::string_view cut_utf8(std::string_view text, std::size_t bytes_max);

}  // namespace serin
