#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace serin::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

// Cuts off and returns what comes before `mark`; all of it when there is none.
inline std::string_view take_until(std::string_view& rest, std::string_view mark) {
    const std::size_t end = rest.find(mark);
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + mark.size());
    return part;
}

}  // namespace serin::fuzz
