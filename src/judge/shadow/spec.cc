#include "judge/shadow/spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace serin::judge::shadow {

namespace {

constexpr std::array<std::string_view, 7> known_fields{
    "methods", "headers", "ignore", "rate", "requests", "alpha", "timeout"};
constexpr std::array<std::string_view, 7> known_methods{
    "GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"};

constexpr std::int64_t rate_max = 1000;
constexpr std::int64_t requests_min = 10;
constexpr std::int64_t requests_max = 1'000'000;
constexpr double alpha_max = 0.5;

std::unexpected<Error> refuse(std::string_view field, std::string_view why) {
    return fail(ErrorKind::invalid, fmt::format("{}: {}", field, why));
}

// Numbers may be text, as arguments are.
std::optional<double> number_of(const json::Value* value) {
    if (const auto number = json::number(value)) return number;
    const auto text = json::text(value);
    if (!text) return std::nullopt;
    double number = 0;
    const char* end = text->data() + text->size();
    const auto [stopped, problem] = std::from_chars(text->data(), end, number);
    if (problem != std::errc() || stopped != end) return std::nullopt;
    return number;
}

Result<std::int64_t> read_count(
    const json::Object& config,
    std::string_view field,
    std::int64_t fallback,
    std::int64_t least,
    std::int64_t most) {
    const json::Value* value = config.if_contains(field);
    if (value == nullptr || value->is_null()) return fallback;
    const auto number = number_of(value);
    const bool is_good = number && *number >= static_cast<double>(least) &&
                         *number <= static_cast<double>(most) &&
                         *number == static_cast<double>(static_cast<std::int64_t>(*number));
    if (!is_good)
        return refuse(field, fmt::format("expected a whole number from {} to {}", least, most));
    return static_cast<std::int64_t>(*number);
}

Result<std::vector<std::string>> read_texts(const json::Object& config, std::string_view field) {
    std::vector<std::string> texts;
    const json::Value* value = config.if_contains(field);
    if (value == nullptr || value->is_null()) return texts;
    const json::Array* list = json::array(value);
    if (list == nullptr) return refuse(field, "expected a list of texts");
    for (std::size_t i = 0; i < list->size(); ++i) {
        const auto text = json::text(&(*list)[i]);
        if (!text || text->empty())
            return refuse(fmt::format("{}[{}]", field, i), "expected a text");
        texts.emplace_back(*text);
    }
    return texts;
}

bool is_header_name(std::string_view name) {
    return std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               std::string_view("!#$%&'*+-.^_`|~").contains(c);
    });
}

Result<> read_methods(const json::Object& config, Spec& spec) {
    SERIN_TRY(std::vector<std::string> methods, read_texts(config, "methods"));
    if (config.if_contains("methods") == nullptr) return {};
    if (methods.empty()) return refuse("methods", "is empty: name at least one, such as GET");
    for (std::size_t i = 0; i < methods.size(); ++i) {
        if (std::ranges::find(known_methods, methods[i]) == known_methods.end())
            return refuse(
                fmt::format("methods[{}]", i),
                fmt::format(
                    "\"{}\" cannot be copied (those that can are {})",
                    methods[i],
                    fmt::join(known_methods, ", ")));
    }
    spec.methods = std::move(methods);
    return {};
}

Result<> read_fields(const json::Object& config, Spec& spec) {
    SERIN_TRY(spec.headers, read_texts(config, "headers"));
    for (std::size_t i = 0; i < spec.headers.size(); ++i) {
        std::ranges::transform(spec.headers[i], spec.headers[i].begin(), [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        });
        if (!is_header_name(spec.headers[i]))
            return refuse(fmt::format("headers[{}]", i), "is not the name of a header");
    }
    SERIN_TRY(spec.ignore, read_texts(config, "ignore"));
    for (std::size_t i = 0; i < spec.ignore.size(); ++i) {
        if (!spec.ignore[i].starts_with('/'))
            return refuse(
                fmt::format("ignore[{}]", i),
                "must begin with a slash, as in \"/items/*/id\" (\"/\" is the whole body)");
    }
    return {};
}

// The next part of a path, which begins with a slash, is taken off it.
std::string_view take_part(std::string_view& path) {
    path.remove_prefix(1);
    const std::string_view part = path.substr(0, path.find('/'));
    path.remove_prefix(part.size());
    return part;
}

}  // namespace

Result<Spec> Spec::read(const json::Object& config) {
    for (const auto& member : config) {
        const std::string_view key(member.key().data(), member.key().size());
        if (std::ranges::find(known_fields, key) == known_fields.end())
            return refuse(
                key, fmt::format("unknown field (known are {})", fmt::join(known_fields, ", ")));
    }
    Spec spec;
    SERIN_TRY_DO(read_methods(config, spec));
    SERIN_TRY_DO(read_fields(config, spec));
    SERIN_TRY(const std::int64_t rate, read_count(config, "rate", spec.rate, 1, rate_max));
    spec.rate = static_cast<int>(rate);
    SERIN_TRY(
        const std::int64_t requests,
        read_count(config, "requests", 200, requests_min, requests_max));
    spec.requests = static_cast<std::uint64_t>(requests);
    if (const json::Value* value = config.if_contains("alpha"); value != nullptr) {
        const auto alpha = number_of(value);
        if (!alpha || *alpha <= 0 || *alpha > alpha_max)
            return refuse("alpha", "expected a number above 0, and 0.5 at most");
        spec.alpha = *alpha;
    }
    if (const json::Value* value = config.if_contains("timeout"); value != nullptr) {
        const auto text = json::text(value);
        const auto timeout = text ? parse_duration(*text) : fail(ErrorKind::invalid, "");
        if (!timeout || *timeout <= Duration(0))
            return refuse("timeout", "expected a duration such as \"10m\"");
        spec.timeout = *timeout;
    }
    return spec;
}

bool covers(std::string_view pattern, std::string_view place) {
    if (pattern == "/") return true;
    while (!pattern.empty()) {
        if (place.empty()) return false;
        const std::string_view wanted = take_part(pattern);
        const std::string_view part = take_part(place);
        if (wanted != "*" && wanted != part) return false;
    }
    return true;
}

}  // namespace serin::judge::shadow
