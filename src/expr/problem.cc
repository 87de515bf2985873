#include "expr/problem.h"

#include <algorithm>
#include <utility>

namespace serin::expr {

Problem problem_at(std::string_view source, std::size_t offset, std::string message) {
    offset = std::min(offset, source.size());
    const std::string_view before = source.substr(0, offset);
    const std::size_t begin = before.rfind('\n') + 1;
    const std::string_view line = source.substr(begin, source.find('\n', begin) - begin);
    return {
        .offset = offset,
        .line = static_cast<int>(std::ranges::count(before, '\n')) + 1,
        .column = static_cast<int>(offset - begin) + 1,
        .message = std::move(message),
        .excerpt = std::string(line) + '\n' + std::string(offset - begin, '.') + '^'};
}

}  // namespace serin::expr
