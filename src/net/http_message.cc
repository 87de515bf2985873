#include "net/http_message.h"

#include <algorithm>
#include <array>

namespace serin::net {

namespace {

const std::string* first(const HttpHeaders& all, std::string_view name) {
    const auto found =
        std::ranges::find_if(all, [&](const auto& one) { return one.first == name; });
    return found == all.end() ? nullptr : &found->second;
}

int hex_digit(char letter) {
    if (letter >= '0' && letter <= '9') return letter - '0';
    if (letter >= 'a' && letter <= 'f') return letter - 'a' + 10;
    if (letter >= 'A' && letter <= 'F') return letter - 'A' + 10;
    return -1;
}

bool is_unreserved(char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
           (letter >= '0' && letter <= '9') || letter == '-' || letter == '.' || letter == '_' ||
           letter == '~';
}

Result<HttpHeaders> read_query(std::string_view text) {
    HttpHeaders parameters;
    while (!text.empty()) {
        const size_t end = std::min(text.find('&'), text.size());
        const std::string_view pair = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (pair.empty()) continue;

        const size_t equals = std::min(pair.find('='), pair.size());
        SERIN_TRY(std::string name, percent_decode(pair.substr(0, equals), true));
        const size_t begin = std::min(equals + 1, pair.size());
        SERIN_TRY(std::string value, percent_decode(pair.substr(begin), true));
        parameters.emplace_back(std::move(name), std::move(value));
    }
    return parameters;
}

}  // namespace

const std::string* HttpServerRequest::header(std::string_view lower_case_name) const {
    return first(headers, lower_case_name);
}

const std::string* HttpServerRequest::parameter(std::string_view name) const {
    return first(query, name);
}

std::string_view reason_phrase(int status) {
    static constexpr std::array<std::pair<int, std::string_view>, 27> known = {{
        {100, "Continue"},
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
    }};
    const auto found = std::ranges::find(known, status, &std::pair<int, std::string_view>::first);
    return found == known.end() ? std::string_view("Status") : found->second;
}

Result<std::string> percent_decode(std::string_view text, bool is_form) {
    std::string decoded;
    decoded.reserve(text.size());
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && is_form) {
            decoded += ' ';
            continue;
        }
        if (text[i] != '%') {
            decoded += text[i];
            continue;
        }
        const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
        const int low = high < 0 ? -1 : hex_digit(text[i + 2]);
        if (low < 0) return fail(ErrorKind::invalid, "broken percent escape");
        decoded += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return decoded;
}

std::string percent_encode(std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string encoded;
    for (const char letter : text) {
        if (is_unreserved(letter)) {
            encoded += letter;
            continue;
        }
        const auto byte = static_cast<unsigned char>(letter);
        encoded += '%';
        encoded += digits[byte >> 4U];
        encoded += digits[byte & 15U];
    }
    return encoded;
}

Result<> split_target(HttpServerRequest& request) {
    std::string_view rest = request.target;
    if (!rest.starts_with('/')) {
        return fail(ErrorKind::invalid, "the request target is not a path");
    }
    rest = rest.substr(0, rest.find('#'));
    const size_t mark = rest.find('?');
    SERIN_TRY(request.path, percent_decode(rest.substr(0, mark)));

    const auto slashes = [](std::string_view text) { return std::ranges::count(text, '/'); };
    if (slashes(request.path) != slashes(rest.substr(0, mark)) || request.path.contains('\0')) {
        return fail(ErrorKind::invalid, "the path has an escaped slash or a null byte");
    }
    request.query.clear();
    if (mark != std::string_view::npos) {
        SERIN_TRY(request.query, read_query(rest.substr(mark + 1)));
    }
    return {};
}

}  // namespace serin::net
