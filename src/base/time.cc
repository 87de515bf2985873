#include "base/time.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>

namespace serin {

using std::chrono::days;
using std::chrono::duration_cast;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

std::string date_and_time(Instant at) {
    const auto day = std::chrono::floor<days>(at);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss time(std::chrono::floor<seconds>(at - day));
    return fmt::format(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
        int(date.year()),
        unsigned(date.month()),
        unsigned(date.day()),
        time.hours().count(),
        time.minutes().count(),
        time.seconds().count());
}

// Takes a number of exactly `digits` digits off the front of `text`.
std::optional<int> take_number(std::string_view& text, size_t digits) {
    if (text.size() < digits) return std::nullopt;
    int value = 0;
    const char* end = text.data() + digits;
    const auto [rest, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || rest != end || text.front() == '-') return std::nullopt;
    text.remove_prefix(digits);
    return value;
}

bool take(std::string_view& text, char wanted) {
    if (!text.starts_with(wanted)) return false;
    text.remove_prefix(1);
    return true;
}

std::optional<Duration> take_fraction(std::string_view& text) {
    if (!take(text, '.')) return Duration(0);
    size_t digits = 0;
    int64_t thousandths = 0;
    while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') {
        if (digits < 3) thousandths = thousandths * 10 + (text[digits] - '0');
        ++digits;
    }
    if (digits == 0) return std::nullopt;
    for (size_t i = digits; i < 3; ++i) thousandths *= 10;
    text.remove_prefix(digits);
    return Duration(thousandths);
}

std::optional<Duration> take_offset(std::string_view& text) {
    if (take(text, 'Z') || take(text, 'z')) return Duration(0);
    const bool east = take(text, '+');
    if (!east && !take(text, '-')) return std::nullopt;
    const auto hour = take_number(text, 2);
    if (!hour || *hour > 23 || !take(text, ':')) return std::nullopt;
    const auto minute = take_number(text, 2);
    if (!minute || *minute > 59) return std::nullopt;
    const Duration offset = hours(*hour) + minutes(*minute);
    return east ? offset : -offset;
}

std::optional<Instant> read_time(std::string_view text) {
    const auto year = take_number(text, 4);
    if (!year || !take(text, '-')) return std::nullopt;
    const auto month = take_number(text, 2);
    if (!month || !take(text, '-')) return std::nullopt;
    const auto day = take_number(text, 2);
    if (!day || !(take(text, 'T') || take(text, 't') || take(text, ' '))) return std::nullopt;
    const auto hour = take_number(text, 2);
    if (!hour || *hour > 23 || !take(text, ':')) return std::nullopt;
    const auto minute = take_number(text, 2);
    if (!minute || *minute > 59 || !take(text, ':')) return std::nullopt;
    const auto second = take_number(text, 2);
    if (!second || *second > 60) return std::nullopt;
    const auto fraction = take_fraction(text);
    if (!fraction) return std::nullopt;
    const auto offset = take_offset(text);
    if (!offset || !text.empty()) return std::nullopt;

    const std::chrono::year_month_day date(
        std::chrono::year(*year),
        std::chrono::month(static_cast<unsigned>(*month)),
        std::chrono::day(static_cast<unsigned>(*day)));
    if (!date.ok()) return std::nullopt;
    return Instant(std::chrono::sys_days(date).time_since_epoch()) + hours(*hour) +
           minutes(*minute) + seconds(*second) + *fraction - *offset;
}

// Nanoseconds in one unit, longest spelling first.
std::optional<double> take_unit(std::string_view& text) {
    struct Unit {
        std::string_view name;
        double nanoseconds;
    };
    static constexpr Unit units[] = {
        {"ns", 1}, {"us", 1e3}, {"µs", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 6e10}, {"h", 3.6e12}};
    for (const Unit& unit : units) {
        if (text.starts_with(unit.name)) {
            text.remove_prefix(unit.name.size());
            return unit.nanoseconds;
        }
    }
    return std::nullopt;
}

}  // namespace

std::string format_time(Instant at) {
    return date_and_time(at) + "Z";
}

std::string format_time_precise(Instant at) {
    const auto part = at - std::chrono::floor<seconds>(at);
    return fmt::format("{}.{:03}Z", date_and_time(at), part.count());
}

Result<Instant> parse_time(std::string_view text) {
    if (const auto at = read_time(text)) return *at;
    return fail(
        ErrorKind::invalid, fmt::format("'{}' is not a time such as 2026-01-31T23:59:59Z", text));
}

Result<Duration> parse_duration(std::string_view text) {
    const auto invalid = [whole = text] {
        return fail(
            ErrorKind::invalid,
            fmt::format("'{}' is not a duration such as 30s, 5m or 1h30m", whole));
    };
    std::string_view rest = text;
    const bool negative = take(rest, '-');
    if (!negative) take(rest, '+');
    if (rest == "0") return Duration(0);
    if (rest.empty()) return invalid();

    double nanoseconds = 0;
    while (!rest.empty()) {
        if (!(rest.front() == '.' || (rest.front() >= '0' && rest.front() <= '9'))) {
            return invalid();
        }
        double number = 0;
        const auto [end, error] = std::from_chars(
            rest.data(), rest.data() + rest.size(), number, std::chars_format::fixed);
        if (error != std::errc()) return invalid();
        rest.remove_prefix(static_cast<size_t>(end - rest.data()));
        const auto unit = take_unit(rest);
        if (!unit) return invalid();
        nanoseconds += number * *unit;
    }
    if (nanoseconds > 9.2e18) return invalid();
    const Duration duration(static_cast<int64_t>(std::floor(nanoseconds / 1e6 + 1e-9)));
    return negative ? -duration : duration;
}

std::string format_duration(Duration duration) {
    if (duration == Duration(0)) return "0s";
    const std::string sign = duration < Duration(0) ? "-" : "";
    const Duration size = duration < Duration(0) ? -duration : duration;
    if (size < seconds(1)) return fmt::format("{}{}ms", sign, size.count());

    const std::chrono::hh_mm_ss parts(size);
    std::string text = sign;
    if (parts.hours().count() > 0) text += fmt::format("{}h", parts.hours().count());
    if (parts.hours().count() > 0 || parts.minutes().count() > 0) {
        text += fmt::format("{}m", parts.minutes().count());
    }
    const auto part = parts.subseconds().count();
    if (part == 0) return text + fmt::format("{}s", parts.seconds().count());
    std::string fraction = fmt::format("{:03}", part);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    return text + fmt::format("{}.{}s", parts.seconds().count(), fraction);
}

std::string format_age(Duration duration) {
    const auto second = duration_cast<seconds>(duration).count();
    if (second < 0) return "0s";
    if (second < 120) return fmt::format("{}s", second);
    const auto minute = second / 60;
    if (minute < 10) {
        return second % 60 == 0 ? fmt::format("{}m", minute)
                                : fmt::format("{}m{}s", minute, second % 60);
    }
    if (minute < 180) return fmt::format("{}m", minute);
    const auto hour = minute / 60;
    if (hour < 8) {
        return minute % 60 == 0 ? fmt::format("{}h", hour)
                                : fmt::format("{}h{}m", hour, minute % 60);
    }
    if (hour < 48) return fmt::format("{}h", hour);
    return fmt::format("{}d", hour / 24);
}

}  // namespace serin
