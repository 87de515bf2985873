#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace serin::cli {

// Text in columns, aligned by what a terminal shows (code points, not bytes), two spaces apart.
struct Table {
    std::vector<std::string> header;
    std::vector<std::vector<std::string>> rows;
};

std::string to_text(const Table& table);

// Columns a terminal uses for UTF-8 text, one a code point.
size_t width_of(std::string_view text);

}  // namespace serin::cli
