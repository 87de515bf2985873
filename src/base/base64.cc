#include "base/base64.h"

#include <cstddef>
#include <cstdint>

namespace serin {

namespace {

constexpr std::string_view digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string encode_base64(std::string_view bytes) {
    std::string encoded;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t bits = 0;
        for (std::size_t j = 0; j < 3; ++j) {
            bits =
                bits << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0u);
        }
        for (std::size_t j = 0; j < 4; ++j) {
            const bool is_padding = i + j > bytes.size();
            encoded.push_back(is_padding ? '=' : digits[bits >> (18 - 6 * j) & 0x3f]);
        }
    }
    return encoded;
}

std::string encode_base64_url(std::string_view bytes) {
    std::string encoded = encode_base64(bytes);
    while (encoded.ends_with('=')) encoded.pop_back();
    for (char& letter : encoded) {
        if (letter == '+') letter = '-';
        if (letter == '/') letter = '_';
    }
    return encoded;
}

std::optional<std::string> decode_base64(std::string_view text) {
    std::string decoded;
    std::uint32_t bits = 0;
    int count = 0;
    for (const char letter : text) {
        if (letter == '=' || letter == '\n' || letter == '\r') continue;
        const std::size_t digit = digits.find(letter);
        if (digit == std::string_view::npos) return std::nullopt;
        bits = bits << 6 | static_cast<std::uint32_t>(digit);
        count += 6;
        if (count < 8) continue;
        count -= 8;
        decoded.push_back(static_cast<char>(bits >> count & 0xff));
    }
    return decoded;
}

}  // namespace serin
