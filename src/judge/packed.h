#pragma once

#include "statistics/two_sample.h"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

// Numbers as text without loss, to be kept in an object: what is read back is equal, bit for bit.
// Whole numbers take as few bytes as they need (7 bits each), floating point all of its bits, and
// all of it is base64. `field` of both directions takes the same types, so that one walk over the
// fields serves both.

namespace serin::judge {

class Packer {
public:
    void number(std::uint64_t value);
    void field(double value);
    void field(float value) { number(std::bit_cast<std::uint32_t>(value)); }
    template <class T>
        requires std::is_unsigned_v<T>
    void field(T value) {
        number(value);
    }
    void field(statistics::RateStep value) { number(static_cast<std::uint16_t>(value)); }
    void field(std::string_view value);

    std::string text() const;

private:
    std::string bytes_;
};

// What is damaged reads as zeros, and is_complete() says so.
class Unpacker {
public:
    explicit Unpacker(std::string_view text);

    std::uint64_t number();
    void field(double& value);
    void field(float& value) { value = std::bit_cast<float>(static_cast<std::uint32_t>(number())); }
    template <class T>
        requires std::is_unsigned_v<T>
    void field(T& value) {
        value = static_cast<T>(number());
    }
    void field(statistics::RateStep& value) {
        value = static_cast<statistics::RateStep>(static_cast<std::uint16_t>(number()));
    }
    void field(std::string& value);

    // It is not what it should be: from here on it reads as zeros.
    void spoil();
    // All was there so far.
    bool is_sound() const { return is_sound_; }
    // All was there, and nothing more.
    bool is_complete() const { return is_sound_ && at_ == bytes_.size(); }

private:
    std::uint64_t next();

    std::string bytes_;
    std::size_t at_ = 0;
    bool is_sound_ = true;
};

}  // namespace serin::judge
