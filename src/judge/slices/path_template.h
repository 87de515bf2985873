#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace serin::judge::slices {

// "/orders/1234/items" as "/orders/{id}/items": requests for different things by one route. A
// segment is an id if it is a number, a UUID, hexadecimal, or long with several digits. At most six
// segments and 80 bytes; what is beyond is "...".
class PathTemplate {
public:
    explicit PathTemplate(std::string_view path);

    // A view into this object.
    std::string_view text() const { return {text_.data(), size_}; }

private:
    bool add(std::string_view piece);

    std::array<char, 80> text_{};
    std::size_t size_ = 0;
};

}  // namespace serin::judge::slices
