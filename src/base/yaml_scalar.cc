#include "base/yaml_scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>

namespace serin {

namespace {

template <size_t n>
bool is_one_of(std::string_view text, const std::array<std::string_view, n>& words) {
    return std::ranges::find(words, text) != words.end();
}

constexpr std::array<std::string_view, 5> null_words{"", "~", "null", "Null", "NULL"};
constexpr std::array<std::string_view, 3> true_words{"true", "True", "TRUE"};
constexpr std::array<std::string_view, 3> false_words{"false", "False", "FALSE"};
constexpr std::array<std::string_view, 12> switch_words{
    "yes", "Yes", "YES", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF"};
constexpr std::array<std::string_view, 9> infinite_words{
    ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF"};
constexpr std::array<std::string_view, 3> nan_words{".nan", ".NaN", ".NAN"};

// Takes the prefix of a number's base off the digits.
int take_base(std::string_view& digits) {
    if (digits.size() < 2 || digits[0] != '0') return 10;
    const char mark = digits[1];
    const int base = mark == 'x' || mark == 'X'   ? 16
                     : mark == 'b' || mark == 'B' ? 2
                     : mark == 'o' || mark == 'O' ? 8
                                                  : 0;
    digits.remove_prefix(base == 0 ? 1 : 2);
    return base == 0 ? 8 : base;
}

std::optional<json::Value> read_integer(const std::string& text) {
    std::string_view digits = text;
    const bool is_negative = digits.starts_with('-');
    if (is_negative || digits.starts_with('+')) digits.remove_prefix(1);
    const int base = take_base(digits);

    std::uint64_t size = 0;
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, size, base);
    if (error != std::errc() || stop != end) return std::nullopt;

    constexpr std::uint64_t limit = std::uint64_t{1} << 63U;
    if (is_negative && size > limit) return std::nullopt;
    if (is_negative) return json::Value(static_cast<std::int64_t>(0 - size));
    if (size >= limit) return json::Value(size);
    return json::Value(static_cast<std::int64_t>(size));
}

// [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
bool looks_like_float(std::string_view text) {
    const auto take_digits = [&] {
        const size_t count = std::min(text.find_first_not_of("0123456789"), text.size());
        text.remove_prefix(count);
        return count;
    };
    const auto take_sign = [&] {
        if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    };
    take_sign();
    const size_t whole = take_digits();
    size_t fraction = 0;
    if (text.starts_with('.')) {
        text.remove_prefix(1);
        fraction = take_digits();
    }
    if (whole == 0 && fraction == 0) return false;
    if (text.starts_with('e') || text.starts_with('E')) {
        text.remove_prefix(1);
        take_sign();
        if (take_digits() == 0) return false;
    }
    return text.empty();
}

PlainScalar read_float(std::string_view text) {
    if (text.starts_with('+')) text.remove_prefix(1);
    double number = 0;
    const auto error = std::from_chars(text.data(), text.data() + text.size(), number).ec;
    if (error == std::errc::result_out_of_range) {
        // from_chars leaves the number alone: tell a vanishing one from one beyond all bounds.
        const size_t exponent = text.find_first_of("eE");
        const bool vanishes =
            exponent != std::string_view::npos && text.substr(exponent + 1).starts_with('-');
        number = vanishes ? 0 : HUGE_VAL;
    }
    PlainScalar scalar{.value = number, .surprise = {}, .is_finite = std::isfinite(number)};
    if (text.find_first_of(".eE") == std::string_view::npos) {
        scalar.surprise = "the number has no exact 64-bit form and is rounded";
    }
    return scalar;
}

}  // namespace

PlainScalar resolve_plain(std::string_view text) {
    if (is_one_of(text, null_words)) return {.value = nullptr, .surprise = {}};
    if (is_one_of(text, true_words)) return {.value = true, .surprise = {}};
    if (is_one_of(text, false_words)) return {.value = false, .surprise = {}};
    if (is_one_of(text, switch_words)) {
        return {.value = json::string(text), .surprise = "this is a text, not true or false"};
    }
    if (is_one_of(text, infinite_words)) {
        return {.value = HUGE_VAL, .surprise = {}, .is_finite = false};
    }
    if (is_one_of(text, nan_words)) return {.value = NAN, .surprise = {}, .is_finite = false};

    if (std::string_view("+-.0123456789").contains(text.front())) {
        std::string digits(text);
        std::erase(digits, '_');
        if (const auto number = read_integer(digits)) return {.value = *number, .surprise = {}};
        if (looks_like_float(digits)) return read_float(digits);
    }
    return {.value = json::string(text), .surprise = {}};
}

}  // namespace serin
