#include "cli/table.h"

#include <algorithm>

namespace serin::cli {

size_t width_of(std::string_view text) {
    return static_cast<size_t>(std::ranges::count_if(
        text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string to_text(const Table& table) {
    std::vector<size_t> widths(table.header.size());
    const auto measure = [&](const std::vector<std::string>& row) {
        for (size_t i = 0; i < row.size() && i < widths.size(); ++i) {
            widths[i] = std::max(widths[i], width_of(row[i]));
        }
    };
    measure(table.header);
    std::ranges::for_each(table.rows, measure);

    std::string text;
    const auto write = [&](const std::vector<std::string>& row) {
        std::string line;
        for (size_t i = 0; i < row.size(); ++i) {
            line += row[i];
            if (i + 1 < row.size()) line.append(widths[i] - width_of(row[i]) + 2, ' ');
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + "\n";
    };
    write(table.header);
    std::ranges::for_each(table.rows, write);
    return text;
}

}  // namespace serin::cli
