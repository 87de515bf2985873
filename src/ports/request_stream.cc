#include "ports/request_stream.h"

namespace serin {

bool HeaderValues::next(std::string_view& name, std::string_view& value) {
    constexpr char separator = '\x1f';
    if (text.empty()) return false;
    const std::string_view pair = text.substr(0, text.find(separator));
    text.remove_prefix(pair.size() < text.size() ? pair.size() + 1 : pair.size());
    const std::size_t equals = pair.find('=');
    name = pair.substr(0, equals);
    value = equals == pair.npos ? std::string_view() : pair.substr(equals + 1);
    return true;
}

std::string_view HeaderValues::find(std::string_view name) const {
    HeaderValues rest = *this;
    std::string_view one;
    std::string_view value;
    while (rest.next(one, value)) {
        if (one == name) return value;
    }
    return {};
}

}  // namespace serin
