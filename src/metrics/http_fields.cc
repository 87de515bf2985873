#include "metrics/http_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdint>

namespace serin::metrics {

namespace {

std::unexpected<Error> refuse(std::string_view field, std::string_view why) {
    return fail(ErrorKind::invalid, fmt::format("{}: {}", field, why));
}

}  // namespace

Result<std::vector<std::pair<std::string, std::string>>> read_headers(const json::Object& config) {
    std::vector<std::pair<std::string, std::string>> read;
    const json::Array* headers = json::array(config.if_contains("headers"));
    if (headers == nullptr) return read;
    for (const json::Value& header : *headers) {
        const auto key = json::text(json::find(header, "/key"));
        const auto value = json::text(json::find(header, "/value"));
        if (!key || !value) return refuse("headers", "each needs key and value");
        if (key->find_first_of("\r\n:") != key->npos || value->find_first_of("\r\n") != value->npos)
            return refuse("headers", "a header with a line break or a colon in its name");
        read.emplace_back(*key, *value);
    }
    return read;
}

std::vector<std::string> confidential_values(
    const std::vector<std::pair<std::string, std::string>>& headers) {
    std::vector<std::string> values;
    for (const auto& [name, value] : headers) {
        std::string lower = name;
        std::ranges::transform(lower, lower.begin(), [](unsigned char letter) {
            return static_cast<char>(std::tolower(letter));
        });
        const bool is_confidential = std::ranges::any_of(
            std::array<std::string_view, 6>{"auth", "cookie", "key", "password", "secret", "token"},
            [&lower](std::string_view word) { return lower.contains(word); });
        if (!is_confidential) continue;
        values.push_back(value);
        // Of "Bearer 0123" the second word is what matters.
        if (const auto blank = value.rfind(' '); blank != value.npos)
            values.push_back(value.substr(blank + 1));
    }
    return values;
}

Result<Duration> read_timeout(
    const json::Object& config, std::string_view field, Duration otherwise) {
    const json::Value* given = config.if_contains(field);
    if (given == nullptr) return otherwise;
    auto seconds = json::integer(given);
    if (const auto text = json::text(given)) {
        std::int64_t number = 0;
        const char* end = text->data() + text->size();
        const auto [stopped, problem] = std::from_chars(text->data(), end, number);
        if (problem == std::errc() && stopped == end) seconds = number;
    }
    if (!seconds || *seconds < 0 || *seconds > 86'400)
        return refuse(field, "expected seconds from 0");
    return *seconds == 0 ? otherwise : std::chrono::seconds(*seconds);
}

Result<> check_url(std::string_view field, std::string_view url) {
    if (url.empty()) return refuse(field, "missing");
    if (!url.starts_with("http://") && !url.starts_with("https://"))
        return refuse(field, "expected a URL such as http://prometheus:9090");
    return {};
}

Result<> refuse_authentication(const json::Object& config, std::string_view kind) {
    const json::Value* given = json::find(config, fmt::format("/authentication/{}", kind));
    const json::Object* fields = json::object(given);
    if (fields != nullptr && !fields->empty())
        return refuse(fmt::format("authentication.{}", kind), "is not supported");
    return {};
}

}  // namespace serin::metrics
