#include "server/parameters.h"

#include <fmt/format.h>

#include <charconv>

namespace serin::server {

Answer<std::optional<std::int64_t>> number_parameter(
    const net::HttpServerRequest& request, std::string_view name) {
    const std::string* text = request.parameter(name);
    if (text == nullptr || text->empty()) return std::nullopt;
    std::int64_t number = 0;
    const char* end = text->data() + text->size();
    const auto read = std::from_chars(text->data(), end, number);
    if (read.ec != std::errc() || read.ptr != end || number < 0) {
        return std::unexpected(
            bad_request(fmt::format("{}: \"{}\" is not a number of at least 0", name, *text)));
    }
    return number;
}

bool flag_parameter(const net::HttpServerRequest& request, std::string_view name) {
    const std::string* text = request.parameter(name);
    return text != nullptr && *text != "false" && *text != "0" && *text != "False";
}

std::string text_parameter(const net::HttpServerRequest& request, std::string_view name) {
    const std::string* text = request.parameter(name);
    return text == nullptr ? "" : *text;
}

}  // namespace serin::server
