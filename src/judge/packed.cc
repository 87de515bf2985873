#include "judge/packed.h"

namespace serin::judge {

namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string to_base64(std::string_view bytes) {
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t bits = 0;
        const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
        for (std::size_t j = 0; j < 3; ++j) {
            bits = bits << 8U | (j < count ? static_cast<unsigned char>(bytes[i + j]) : 0U);
        }
        for (std::size_t j = 0; j <= count; ++j) text += alphabet[bits >> (18 - 6 * j) & 63U];
    }
    return text;
}

// Empty text for what is not base64.
std::string from_base64(std::string_view text) {
    std::string bytes;
    std::uint32_t bits = 0;
    unsigned held = 0;
    for (const char c : text) {
        const std::size_t digit = alphabet.find(c);
        if (digit == alphabet.npos) return "";
        bits = bits << 6U | static_cast<std::uint32_t>(digit);
        held += 6;
        if (held >= 8) {
            held -= 8;
            bytes += static_cast<char>(bits >> held & 255U);
        }
    }
    return bytes;
}

}  // namespace

void Packer::number(std::uint64_t value) {
    while (value >= 128) {
        bytes_ += static_cast<char>((value & 127U) | 128U);
        value >>= 7U;
    }
    bytes_ += static_cast<char>(value);
}

void Packer::field(double value) {
    const auto bits = std::bit_cast<std::uint64_t>(value);
    for (unsigned i = 0; i < 64; i += 8) bytes_ += static_cast<char>(bits >> i & 255U);
}

void Packer::field(std::string_view value) {
    number(value.size());
    bytes_ += value;
}

std::string Packer::text() const {
    return to_base64(bytes_);
}

Unpacker::Unpacker(std::string_view text) : bytes_(from_base64(text)) {}

std::uint64_t Unpacker::number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        const std::uint64_t byte = next();
        value |= (byte & 127U) << shift;
        if (byte < 128) return value;
    }
    is_sound_ = false;
    return 0;
}

void Unpacker::field(double& value) {
    std::uint64_t bits = 0;
    for (unsigned i = 0; i < 64; i += 8) bits |= next() << i;
    value = std::bit_cast<double>(bits);
}

void Unpacker::field(std::string& value) {
    const std::uint64_t size = number();
    if (size > bytes_.size() - at_) {
        spoil();
        return;
    }
    value = bytes_.substr(at_, size);
    at_ += size;
}

void Unpacker::spoil() {
    is_sound_ = false;
    at_ = bytes_.size();
}

std::uint64_t Unpacker::next() {
    if (at_ == bytes_.size()) {
        is_sound_ = false;
        return 0;
    }
    return static_cast<unsigned char>(bytes_[at_++]);
}

}  // namespace serin::judge
