#include "judge/slices/path_template.h"

#include <algorithm>

namespace serin::judge::slices {

namespace {

constexpr std::size_t segments_max = 6;
constexpr std::size_t hex_min = 8;
constexpr std::size_t token_min = 16;
constexpr std::ptrdiff_t token_digits = 4;
constexpr std::string_view rest = "/...";

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_hex(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == '-';
}

bool is_id(std::string_view segment) {
    const auto digits = std::ranges::count_if(segment, is_digit);
    if (digits == 0) return false;
    if (digits == std::ssize(segment)) return true;
    if (segment.size() >= hex_min && std::ranges::all_of(segment, is_hex)) return true;
    return segment.size() >= token_min && digits >= token_digits;
}

}  // namespace

PathTemplate::PathTemplate(std::string_view path) {
    for (std::size_t count = 0; !path.empty(); ++count) {
        if (path.front() == '/') path.remove_prefix(1);
        const std::string_view segment = path.substr(0, path.find('/'));
        path.remove_prefix(segment.size());
        const bool fits =
            count < segments_max && add("/") && add(is_id(segment) ? "{id}" : segment);
        if (fits) continue;
        size_ = std::min(size_, text_.size() - rest.size());
        add(rest);
        return;
    }
}

bool PathTemplate::add(std::string_view piece) {
    if (size_ + piece.size() > text_.size()) return false;
    std::ranges::copy(piece, text_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += piece.size();
    return true;
}

}  // namespace serin::judge::slices
