#include "gateway/text.h"

#include "base/check.h"

#include <algorithm>
#include <arpa/inet.h>

namespace serin::gateway {
namespace {

bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool consists_of(std::string_view text, std::string_view others, std::size_t bytes_max) {
    return !text.empty() && text.size() <= bytes_max && std::ranges::all_of(text, [&](char c) {
        return is_letter_or_digit(c) || others.contains(c);
    });
}

bool is_dns_label(std::string_view label) {
    return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
           std::ranges::all_of(label, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
           });
}

// Nothing is special between single quotes except the quote itself.
std::string in_quotes(std::string_view text) {
    std::string word = "'";
    for (const char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return word + "'";
}

}  // namespace

bool is_dns_name(std::string_view text) {
    if (text.empty() || text.size() > 253) return false;
    while (true) {
        const std::size_t dot = text.find('.');
        if (!is_dns_label(text.substr(0, dot))) return false;
        if (dot == std::string_view::npos) return true;
        text.remove_prefix(dot + 1);
    }
}

bool is_host_pattern(std::string_view text) {
    return is_dns_name(text.starts_with("*.") ? text.substr(2) : text);
}

bool is_token(std::string_view text) {
    return consists_of(text, "!#$%&'*+-.^_`|~", 256);
}

bool is_printable(std::string_view text) {
    return text.size() <= 1024 && std::ranges::none_of(text, [](char c) {
               const auto byte = static_cast<unsigned char>(c);
               return byte < 0x20 || byte == 0x7f;
           });
}

bool is_plain_path(std::string_view text) {
    return text.starts_with('/') && consists_of(text, "-._~/", 1024);
}

bool is_word(std::string_view text) {
    return consists_of(text, "-_.", 256);
}

bool is_server_name(std::string_view text) {
    return consists_of(text, "-_.:", 300);
}

bool is_ip_address(std::string_view text) {
    unsigned char bytes[16];
    const std::string copy(text);
    return inet_pton(AF_INET, copy.c_str(), bytes) == 1 ||
           inet_pton(AF_INET6, copy.c_str(), bytes) == 1;
}

std::string quote(std::string_view text) {
    SERIN_CHECK(is_printable(text));
    return in_quotes(text);
}

std::string quote_format(std::string_view text) {
    SERIN_CHECK(is_printable(text));
    std::string format;
    for (const char c : text) {
        if (c == '%') format += '%';
        format += c;
    }
    return in_quotes(format);
}

}  // namespace serin::gateway
