#include "base/utf8.h"

#include <algorithm>

namespace serin {

namespace {

bool is_within(char c, unsigned low, unsigned high) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= low && byte <= high;
}

bool continues(char c) {
    return is_within(c, 0x80, 0xBF);
}

// The second byte says what the first one leaves open: overlong, a surrogate, or too large.
bool may_follow(char first, char second) {
    switch (static_cast<unsigned char>(first)) {
        case 0xE0:
            return is_within(second, 0xA0, 0xBF);
        case 0xED:
            return is_within(second, 0x80, 0x9F);
        case 0xF0:
            return is_within(second, 0x90, 0xBF);
        case 0xF4:
            return is_within(second, 0x80, 0x8F);
        default:
            return continues(second);
    }
}

}  // namespace

std::size_t utf8_size(std::string_view text) {
    if (text.empty()) return 0;
    const char first = text[0];
    if (is_within(first, 0, 0x7F)) return 1;
    const std::size_t size = is_within(first, 0xC2, 0xDF)   ? 2
                             : is_within(first, 0xE0, 0xEF) ? 3
                             : is_within(first, 0xF0, 0xF4) ? 4
                                                            : 0;
    if (size == 0 || text.size() < size || !may_follow(first, text[1])) return 0;
    return std::ranges::all_of(text.substr(2, size - 2), continues) ? size : 0;
}

std::string repair_utf8(std::string_view text) {
    std::string repaired;
    repaired.reserve(text.size());
    while (!text.empty()) {
        const std::size_t size = utf8_size(text);
        repaired += size == 0 ? std::string_view("\xEF\xBF\xBD") : text.substr(0, size);
        text.remove_prefix(std::max<std::size_t>(size, 1));
    }
    return repaired;
}

std::string_view cut_utf8(std::string_view text, std::size_t bytes_max) {
    if (text.size() <= bytes_max) return text;
    std::size_t end = bytes_max;
    // At most three bytes belong to a character that goes on.
    while (end > 0 && bytes_max - end < 3 && continues(text[end])) --end;
    return text.substr(0, end);
}

}  // namespace serin
