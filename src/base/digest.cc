#include "base/digest.h"

#include "base/check.h"

#include <fmt/format.h>
#include <openssl/evp.h>

namespace serin {

std::string sha256_hex(std::string_view text) {
    std::array<unsigned char, 32> digest{};
    unsigned int size = 0;
    SERIN_CHECK(
        EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) == 1);
    // By hand: this is a part of every turn of a release, and formatting took more than digesting.
    constexpr std::string_view digits = "0123456789abcdef";
    std::string hex(2 * digest.size(), '\0');
    for (size_t i = 0; i < digest.size(); ++i) {
        hex[2 * i] = digits[digest[i] >> 4U];
        hex[2 * i + 1] = digits[digest[i] & 15U];
    }
    return hex;
}

std::uint32_t fnv1a32(std::string_view text) {
    std::uint32_t hash = 2166136261U;
    for (const char c : text) {
        hash ^= static_cast<unsigned char>(c);
        hash *= 16777619U;
    }
    return hash;
}

std::string safe_encode(std::string_view text) {
    constexpr std::string_view alphabet = "bcdfghjklmnpqrstvwxz2456789";
    std::string out;
    for (const char c : text) out += alphabet[static_cast<unsigned char>(c) % alphabet.size()];
    return out;
}

std::string uuid_from(std::string_view seed) {
    std::string hex = sha256_hex(seed).substr(0, 32);
    hex[12] = '8';
    constexpr std::string_view variant = "89ab";
    hex[16] = variant[static_cast<unsigned char>(hex[16]) % 4];
    return fmt::format(
        "{}-{}-{}-{}-{}",
        hex.substr(0, 8),
        hex.substr(8, 4),
        hex.substr(12, 4),
        hex.substr(16, 4),
        hex.substr(20, 12));
}

}  // namespace serin
