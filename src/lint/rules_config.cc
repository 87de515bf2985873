#include "lint/families.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <chrono>

namespace serin::lint {

using manifest::Part;
namespace days = std::chrono;

namespace {

// Days that move with the year; release calendars often have last year's date.
struct NamedDay {
    std::string_view name;
    days::sys_days (*of)(days::year);
};

days::sys_days thanksgiving(days::year year) {
    return days::sys_days(year / days::November / days::Thursday[4]);
}

const std::vector<NamedDay>& named_days() {
    static const std::vector<NamedDay> all = {
        {"thanksgiving", thanksgiving},
        {"black friday", [](days::year year) { return thanksgiving(year) + days::days(1); }},
        {"cyber monday", [](days::year year) { return thanksgiving(year) + days::days(4); }},
        {"christmas eve",
         [](days::year year) { return days::sys_days(year / days::December / 24); }},
        {"new year's eve",
         [](days::year year) { return days::sys_days(year / days::December / 31); }},
    };
    return all;
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
}

std::string format_day(days::sys_days day) {
    const days::year_month_day date(day);
    return fmt::format(
        "{:04}-{:02}-{:02}",
        static_cast<int>(date.year()),
        static_cast<unsigned>(date.month()),
        static_cast<unsigned>(date.day()));
}

std::vector<days::sys_days> dates_in(std::string_view line) {
    std::vector<days::sys_days> dates;
    for (std::size_t i = 0; i + 10 <= line.size(); ++i) {
        const auto time = parse_time(std::string(line.substr(i, 10)) + "T00:00:00Z");
        if (!time) continue;
        dates.push_back(days::floor<days::days>(*time));
        i += 9;
    }
    return dates;
}

// "2025-11-24"  # Black Friday
void check_dates(
    const Context& context, const Source& source, const Part& at, std::string_view text) {
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        const std::vector<days::sys_days> dates = dates_in(line);
        if (dates.empty()) continue;
        const std::string words = lower(line);
        for (const NamedDay& named : named_days()) {
            if (!words.contains(named.name)) continue;
            const days::sys_days right = named.of(days::year_month_day(dates.front()).year());
            if (std::ranges::find(dates, right) != dates.end()) continue;
            context.reporter.add(
                "date-contradicts-name",
                source,
                at.pointer(),
                fmt::format(
                    "{} is not {}, which is {}",
                    format_day(dates.front()),
                    named.name,
                    format_day(right)),
                "correct the date");
        }
    }
}

}  // namespace

void check_configs(const Context& context) {
    for (const Source* source : context.sources.of_kind("ConfigMap")) {
        const Part data = source->root()["data"];
        if (!data.object()) continue;
        for (const auto& member : *data.object()) {
            const std::string key(member.key());
            const std::string text = data[key].text();
            check_dates(context, *source, data[key], text);
            if (!key.ends_with(".json")) continue;
            const auto parsed = json::parse(text);
            if (parsed) continue;
            context.reporter.add(
                "config-not-json",
                *source,
                data[key].pointer(),
                fmt::format("'{}' is not JSON: {}", key, parsed.error().message),
                text.contains('#') || text.contains("//") ? "JSON has no comments" : "");
        }
    }
}

}  // namespace serin::lint
