#include "metrics/go_numbers.h"

#include <array>
#include <charconv>
#include <cmath>

namespace serin::metrics {

namespace {

std::string written(double number, std::chars_format format) {
    if (std::isnan(number)) return "NaN";
    if (std::isinf(number)) return number > 0 ? "+Inf" : "-Inf";
    std::array<char, 512> text{};
    const auto [end, problem] = std::to_chars(text.begin(), text.end(), number, format);
    return {text.begin(), end};
}

}  // namespace

std::string plain_number(double number) {
    return written(number, std::chars_format::fixed);
}

std::string short_number(double number) {
    const double size = std::abs(number);
    const bool is_exponential = std::isfinite(number) && size != 0 && (size < 1e-4 || size >= 1e21);
    return written(
        number, is_exponential ? std::chars_format::scientific : std::chars_format::fixed);
}

}  // namespace serin::metrics
