#include "expr/builtins.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <utility>

namespace serin::expr {

namespace {

// Every argument is a text; charges for reading them.
Result<> take_texts(std::string_view name, const Surroundings& around, Arguments given) {
    for (const Value& value : given) {
        if (!value.is(Kind::text)) return bad_argument(name, value);
        SERIN_TRY_DO(around.budget.work(value.text().size() / 16));
    }
    return {};
}

Result<Value> keep_text(const Surroundings& around, std::string_view text) {
    SERIN_TRY_DO(around.budget.memory(text.size()));
    return Value(std::string(text));
}

Result<Value> trimmed(
    std::string_view name,
    const Surroundings& around,
    Arguments given,
    bool at_start,
    bool at_end) {
    SERIN_TRY_DO(take_texts(name, around, given));
    std::string_view text = given[0].text();
    const std::string_view cut =
        given.size() > 1 ? std::string_view(given[1].text()) : " \t\n\v\f\r";
    if (at_start) text.remove_prefix(std::min(text.find_first_not_of(cut), text.size()));
    if (at_end) text = text.substr(0, text.find_last_not_of(cut) + 1);
    return keep_text(around, text);
}

Result<Value> call_trim(const Surroundings& around, Arguments given) {
    return trimmed("trim", around, given, true, true);
}

Result<Value> call_trim_prefix(const Surroundings& around, Arguments given) {
    SERIN_TRY_DO(take_texts("trimPrefix", around, given));
    std::string_view text = given[0].text();
    if (given.size() < 2) return trimmed("trimPrefix", around, given, true, false);
    if (text.starts_with(given[1].text())) text.remove_prefix(given[1].text().size());
    return keep_text(around, text);
}

Result<Value> call_trim_suffix(const Surroundings& around, Arguments given) {
    SERIN_TRY_DO(take_texts("trimSuffix", around, given));
    std::string_view text = given[0].text();
    if (given.size() < 2) return trimmed("trimSuffix", around, given, false, true);
    if (text.ends_with(given[1].text())) text.remove_suffix(given[1].text().size());
    return keep_text(around, text);
}

// Letters of ASCII; others stay as they are.
template <char first, char last>
Result<Value> cased(std::string_view name, const Surroundings& around, Arguments given) {
    SERIN_TRY_DO(take_texts(name, around, given));
    SERIN_TRY_DO(around.budget.memory(given[0].text().size()));
    std::string text = given[0].text();
    for (char& c : text) {
        if (first <= c && c <= last) c = static_cast<char>(c ^ 0x20);
    }
    return Value(std::move(text));
}

Result<Value> call_upper(const Surroundings& around, Arguments given) {
    return cased<'a', 'z'>("upper", around, given);
}
Result<Value> call_lower(const Surroundings& around, Arguments given) {
    return cased<'A', 'Z'>("lower", around, given);
}

Result<std::int64_t> optional_count(std::string_view name, Arguments given, std::size_t index) {
    if (given.size() <= index) return -1;
    if (!given[index].is(Kind::integer)) return bad_argument(name, given[index]);
    return given[index].integer();
}

Result<Value> split(
    std::string_view name, const Surroundings& around, Arguments given, bool keeps_separator) {
    SERIN_TRY_DO(take_texts(name, around, given.first(2)));
    SERIN_TRY(const std::int64_t limit, optional_count(name, given, 2));
    std::string_view text = given[0].text();
    const std::string& separator = given[1].text();
    if (limit == 0) return Value(std::vector<Value>());

    SERIN_TRY_DO(around.budget.memory(text.size()));
    std::vector<Value> parts;
    while (limit < 0 || static_cast<std::int64_t>(parts.size()) + 1 < limit) {
        // An empty separator parts all characters.
        std::size_t end = text.find(separator);
        if (separator.empty()) {
            end = text.empty() ? text.npos : 1;
            while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80) {
                ++end;
            }
            if (end >= text.size()) end = text.npos;
        }
        if (end == text.npos) break;
        SERIN_TRY_DO(around.budget.memory(sizeof(Value) + sizeof(std::string)));
        parts.emplace_back(
            std::string(text.substr(0, end + (keeps_separator ? separator.size() : 0))));
        text.remove_prefix(end + separator.size());
    }
    if (!separator.empty() || !text.empty()) parts.emplace_back(std::string(text));
    return Value(std::move(parts));
}

Result<Value> call_split(const Surroundings& around, Arguments given) {
    return split("split", around, given, false);
}
Result<Value> call_split_after(const Surroundings& around, Arguments given) {
    return split("splitAfter", around, given, true);
}

Result<Value> call_replace(const Surroundings& around, Arguments given) {
    SERIN_TRY_DO(take_texts("replace", around, given.first(3)));
    SERIN_TRY(const std::int64_t limit, optional_count("replace", given, 3));
    const std::string& text = given[0].text();
    const std::string& from = given[1].text();
    const std::string& to = given[2].text();
    std::string out;
    std::size_t at = 0;
    for (std::int64_t count = 0; limit < 0 || count < limit; ++count) {
        // Nothing is found before every character and at the end.
        const std::size_t found = from.empty() ? (count == 0 ? 0 : at + 1) : text.find(from, at);
        if (found > text.size()) break;
        SERIN_TRY_DO(around.budget.memory(found - at + to.size() + 1));
        out.append(text, at, found - at).append(to);
        at = found + from.size();
    }
    SERIN_TRY_DO(around.budget.memory(text.size() - at));
    out.append(text, at);
    return Value(std::move(out));
}

Result<Value> call_repeat(const Surroundings& around, Arguments given) {
    SERIN_TRY_DO(take_texts("repeat", around, given.first(1)));
    if (!given[1].is(Kind::integer)) return bad_argument("repeat", given[1]);
    const std::int64_t count = given[1].integer();
    const std::string& text = given[0].text();
    if (count < 0) return fail(ErrorKind::invalid, "invalid argument for repeat (negative count)");
    if (text.empty()) return Value(std::string());
    if (count > 1'000'000) return fail(ErrorKind::invalid, "memory budget exceeded");
    SERIN_TRY_DO(around.budget.memory(text.size() * static_cast<std::size_t>(count)));
    std::string out;
    for (std::int64_t i = 0; i < count; ++i) out += text;
    return Value(std::move(out));
}

Result<Value> call_join(const Surroundings& around, Arguments given) {
    if (!given[0].is(Kind::list)) return bad_argument("join", given[0]);
    SERIN_TRY_DO(take_texts("join", around, given.subspan(1)));
    SERIN_TRY_DO(take_texts("join", around, given[0].items()));
    const std::string glue = given.size() > 1 ? given[1].text() : std::string();
    std::string out;
    bool is_first = true;
    for (const Value& item : given[0].items()) {
        SERIN_TRY_DO(around.budget.memory(item.text().size() + glue.size()));
        if (!is_first) out += glue;
        is_first = false;
        out += item.text();
    }
    return Value(std::move(out));
}

Value index_value(std::size_t found) {
    return Value(found == std::string::npos ? std::int64_t{-1} : static_cast<std::int64_t>(found));
}

Result<Value> call_index_of(const Surroundings& around, Arguments given) {
    SERIN_TRY_DO(take_texts("indexOf", around, given));
    return index_value(given[0].text().find(given[1].text()));
}

Result<Value> call_last_index_of(const Surroundings& around, Arguments given) {
    SERIN_TRY_DO(take_texts("lastIndexOf", around, given));
    return index_value(given[0].text().rfind(given[1].text()));
}

Result<Value> call_has_prefix(const Surroundings& around, Arguments given) {
    SERIN_TRY_DO(take_texts("hasPrefix", around, given));
    return Value(given[0].text().starts_with(given[1].text()));
}

Result<Value> call_has_suffix(const Surroundings& around, Arguments given) {
    SERIN_TRY_DO(take_texts("hasSuffix", around, given));
    return Value(given[0].text().ends_with(given[1].text()));
}

constexpr std::array<Builtin, 14> table{{
    {"trim", 1, 2, Type::text, call_trim},
    {"trimPrefix", 1, 2, Type::text, call_trim_prefix},
    {"trimSuffix", 1, 2, Type::text, call_trim_suffix},
    {"upper", 1, 1, Type::text, call_upper},
    {"lower", 1, 1, Type::text, call_lower},
    {"split", 2, 3, Type::list, call_split},
    {"splitAfter", 2, 3, Type::list, call_split_after},
    {"replace", 3, 4, Type::text, call_replace},
    {"repeat", 2, 2, Type::text, call_repeat},
    {"join", 1, 2, Type::text, call_join},
    {"indexOf", 2, 2, Type::integer, call_index_of},
    {"lastIndexOf", 2, 2, Type::integer, call_last_index_of},
    {"hasPrefix", 2, 2, Type::boolean, call_has_prefix},
    {"hasSuffix", 2, 2, Type::boolean, call_has_suffix},
}};

}  // namespace

std::span<const Builtin> text_builtins() {
    return table;
}

}  // namespace serin::expr
