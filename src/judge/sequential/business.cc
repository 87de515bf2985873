#include "judge/sequential/business.h"

#include <algorithm>
#include <charconv>

namespace serin::judge::sequential {

std::optional<bool> is_good(const MetricSpec& spec, std::string_view value) {
    if (value.empty()) return std::nullopt;
    if (!spec.good_from) return std::ranges::find(spec.good, value) != spec.good.end();
    double number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size()) return std::nullopt;
    return number >= *spec.good_from;
}

}  // namespace serin::judge::sequential
