#include "rehearse/settings.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace serin::rehearse {

namespace {

using Kind = Fault::Kind;

enum class Takes { nothing, time, weight_and_share, time_and_share };

struct Word {
    std::string_view name;
    Kind kind;
    Takes takes;
};

constexpr std::array<Word, 10> words = {{
    {"pods-slow", Kind::pods_slow, Takes::time},
    {"pods-never-ready", Kind::pods_never_ready, Takes::nothing},
    {"pods-crash", Kind::pods_crash, Takes::time},
    {"router-slow", Kind::router_slow, Takes::time},
    {"router-refuses", Kind::router_refuses, Takes::nothing},
    {"metric-late", Kind::metric_late, Takes::time},
    {"metric-empty", Kind::metric_empty, Takes::nothing},
    {"metric-error", Kind::metric_error, Takes::nothing},
    {"overload", Kind::overload, Takes::weight_and_share},
    {"leak", Kind::leak, Takes::time_and_share},
}};

std::optional<double> number_in(std::string_view text) {
    double number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc() || end != text.data() + text.size() || !std::isfinite(number)) {
        return std::nullopt;
    }
    return number;
}

// The parts of "before<separator>after"; without the separator, all is `before`.
std::pair<std::string_view, std::optional<std::string_view>> cut(
    std::string_view text, char separator) {
    const auto at = text.find(separator);
    if (at == std::string_view::npos) return {text, std::nullopt};
    return {text.substr(0, at), text.substr(at + 1)};
}

Result<double> read_milliseconds(std::string_view text) {
    const auto duration = parse_duration(text);
    if (duration && *duration > Duration(0)) return static_cast<double>(duration->count());
    return fail(ErrorKind::invalid, fmt::format("\"{}\" is no latency: write 120ms or 1.5s", text));
}

Result<Duration> read_time(std::string_view text) {
    const auto duration = parse_duration(text);
    if (duration && *duration >= Duration(0)) return *duration;
    return fail(ErrorKind::invalid, fmt::format("\"{}\" is no time: write 30s or 5m", text));
}

std::string usage(const Word& word) {
    switch (word.takes) {
        case Takes::nothing:
            return std::string(word.name);
        case Takes::time:
            return fmt::format("{}=30s", word.name);
        case Takes::weight_and_share:
            return fmt::format("{}=40:10%", word.name);
        case Takes::time_and_share:
            return fmt::format("{}=10m:2%", word.name);
    }
    std::unreachable();
}

std::string all_usages() {
    std::string text;
    for (const Word& word : words) text += (text.empty() ? "" : ", ") + usage(word);
    return text;
}

Result<> read_value(const Word& word, std::string_view text, Fault& fault) {
    if (word.takes == Takes::time) {
        SERIN_TRY(fault.time, read_time(text));
        return {};
    }
    const auto [first, second] = cut(text, ':');
    if (!second) return fail(ErrorKind::invalid, "needs a colon");
    if (word.takes == Takes::weight_and_share) {
        const auto weight = number_in(first);
        if (!weight || *weight < 0) return fail(ErrorKind::invalid, "needs a weight");
        fault.weight = *weight;
    } else {
        SERIN_TRY(fault.time, read_time(first));
    }
    SERIN_TRY(fault.share, read_share(*second));
    return {};
}

}  // namespace

Result<double> read_share(std::string_view text) {
    const bool is_percent = text.ends_with('%');
    const auto number = number_in(is_percent ? text.substr(0, text.size() - 1) : text);
    const double share = number.value_or(-1) / (is_percent ? 100 : 1);
    if (share >= 0 && share <= 1) return share;
    return fail(ErrorKind::invalid, fmt::format("\"{}\" is no share: write 5% or 0.05", text));
}

Result<double> read_traffic(std::string_view text) {
    std::string_view digits = text;
    double seconds = 1;
    if (digits.ends_with("rpm")) seconds = 60;
    if (digits.ends_with("rpm") || digits.ends_with("rps")) digits.remove_suffix(3);
    if (digits.ends_with("/day")) {
        seconds = 24 * 3600;
        digits.remove_suffix(4);
        if (digits.ends_with('k')) seconds /= 1e3;
        if (digits.ends_with('M')) seconds /= 1e6;
        if (digits.ends_with('k') || digits.ends_with('M')) digits.remove_suffix(1);
    }
    const auto number = number_in(digits);
    constexpr double most = 1e6;
    if (number && *number >= 0 && *number / seconds <= most) return *number / seconds;
    return fail(
        ErrorKind::invalid,
        fmt::format(
            "\"{}\" is no traffic: write 500rps, 30rpm or 2M/day, at most 1000000rps", text));
}

Result<Behaviour> read_behaviour(std::string_view text, Behaviour behaviour) {
    const double spread = behaviour.p95_ms / behaviour.p50_ms;
    bool has_p50 = false;
    bool has_p95 = false;
    while (!text.empty()) {
        const auto [part, rest] = cut(text, ',');
        const auto [key, value] = cut(part, '=');
        text = rest.value_or("");
        if (key == "error" && value) {
            SERIN_TRY(behaviour.error_share, read_share(*value));
        } else if (key == "p50" && value) {
            SERIN_TRY(behaviour.p50_ms, read_milliseconds(*value));
            has_p50 = true;
        } else if (key == "p95" && value) {
            SERIN_TRY(behaviour.p95_ms, read_milliseconds(*value));
            has_p95 = true;
        } else {
            return fail(
                ErrorKind::invalid,
                fmt::format("\"{}\": write error=5%, p50=40ms or p95=120ms", part));
        }
    }
    if (has_p95 && !has_p50) behaviour.p50_ms = behaviour.p95_ms / spread;
    if (has_p50 && !has_p95) behaviour.p95_ms = behaviour.p50_ms * spread;
    if (behaviour.p95_ms < behaviour.p50_ms) {
        return fail(ErrorKind::invalid, "p95 is below p50");
    }
    return behaviour;
}

Result<Fault> read_fault(std::string_view text) {
    const auto [what, when] = cut(text, '@');
    const auto [name, value] = cut(what, '=');
    for (const Word& word : words) {
        if (word.name != name) continue;
        Fault fault{.kind = word.kind, .text = std::string(text)};
        const bool needs_value = word.takes != Takes::nothing;
        if (needs_value != value.has_value() || (value && !read_value(word, *value, fault))) {
            return fail(
                ErrorKind::invalid, fmt::format("\"{}\": write it as in {}", text, usage(word)));
        }
        if (!when) return fault;
        const auto [from, lasting] = cut(*when, '+');
        SERIN_TRY(fault.from, read_time(from));
        if (lasting) {
            SERIN_TRY(fault.lasting, read_time(*lasting));
        }
        return fault;
    }
    return fail(
        ErrorKind::invalid,
        fmt::format("no fault \"{}\": there are {}, each also as ...@2m+30s", name, all_usages()));
}

Result<std::pair<std::string, json::Value>> read_metric_value(std::string_view text) {
    const auto [name, value] = cut(text, '=');
    const std::string_view answer = value.value_or("");
    if (name.empty() || answer.empty()) {
        return fail(
            ErrorKind::invalid,
            fmt::format("\"{}\": write NAME=0.99, NAME=[1,2] or NAME=nodata", text));
    }
    if (answer == "nodata") return std::pair(std::string(name), json::Value());
    auto parsed = json::parse(answer);
    if (!parsed) return std::unexpected(std::move(parsed).error().within(std::string(text)));
    return std::pair(std::string(name), *std::move(parsed));
}

}  // namespace serin::rehearse
