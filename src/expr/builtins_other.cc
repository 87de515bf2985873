#include "expr/builtins.h"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>

namespace serin::expr {

namespace {

constexpr std::string_view base64_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string_view type_name(Kind kind) {
    switch (kind) {
        case Kind::nil:
            return "nil";
        case Kind::boolean:
            return "bool";
        case Kind::integer:
            return "int";
        case Kind::real:
            return "float";
        case Kind::text:
            return "string";
        case Kind::list:
            return "array";
        case Kind::map:
            return "map";
        case Kind::time:
            return "time.Time";
        case Kind::duration:
            return "time.Duration";
    }
    std::abort();
}

Result<Value> call_type(const Surroundings&, Arguments given) {
    return Value(std::string(type_name(given[0].kind())));
}

Result<Value> call_string(const Surroundings& around, Arguments given) {
    SERIN_TRY_DO(around.budget.memory(given[0].weight()));
    return Value(go_text(given[0]));
}

Result<Value> call_to_json(const Surroundings& around, Arguments given) {
    SERIN_TRY_DO(around.budget.memory(2 * given[0].weight()));
    return Value(json::print_pretty(to_json(given[0])));
}

Result<Value> call_from_json(const Surroundings& around, Arguments given) {
    if (!given[0].is(Kind::text)) return bad_argument("fromJSON", given[0]);
    SERIN_TRY_DO(around.budget.memory(16 * given[0].text().size()));
    SERIN_TRY(const json::Value value, json::parse(given[0].text()));
    return around.budget.keep(from_json(value));
}

Result<Value> call_to_base64(const Surroundings& around, Arguments given) {
    if (!given[0].is(Kind::text)) return bad_argument("toBase64", given[0]);
    const std::string& text = given[0].text();
    SERIN_TRY_DO(around.budget.memory(2 * text.size()));
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += 3) {
        std::uint32_t bits = 0;
        for (std::size_t i = 0; i < 3; ++i) {
            const auto byte = at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U;
            bits = (bits << 8U) | byte;
        }
        const std::size_t digits = std::min<std::size_t>(text.size() - at, 3) + 1;
        for (std::size_t i = 0; i < 4; ++i) {
            out += i < digits ? base64_digits[(bits >> (18 - 6 * i)) & 63U] : '=';
        }
    }
    return Value(std::move(out));
}

Result<Value> call_from_base64(const Surroundings& around, Arguments given) {
    if (!given[0].is(Kind::text)) return bad_argument("fromBase64", given[0]);
    std::string_view text = given[0].text();
    SERIN_TRY_DO(around.budget.memory(text.size()));
    const auto broken = [] {
        return fail(ErrorKind::invalid, "fromBase64: the text is no base64");
    };
    if (text.size() % 4 != 0) return broken();
    if (text.ends_with("==")) {
        text.remove_suffix(2);
    } else if (text.ends_with('=')) {
        text.remove_suffix(1);
    }
    std::string out;
    std::uint32_t bits = 0;
    int held = 0;
    for (const char c : text) {
        const std::size_t digit = base64_digits.find(c);
        if (digit == base64_digits.npos) return broken();
        bits = ((bits << 6U) | static_cast<std::uint32_t>(digit)) & 0xFFFFFFU;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out += static_cast<char>((bits >> static_cast<unsigned>(held)) & 0xFFU);
        }
    }
    return Value(std::move(out));
}

Result<Value> call_now(const Surroundings& around, Arguments) {
    return Value(around.now);
}

Result<Value> call_duration(const Surroundings&, Arguments given) {
    if (!given[0].is(Kind::text)) return bad_argument("duration", given[0]);
    SERIN_TRY(const Duration length, parse_duration(given[0].text()));
    return Value(length);
}

Result<Value> call_date(const Surroundings&, Arguments given) {
    if (!given[0].is(Kind::text)) return bad_argument("date", given[0]);
    const std::string& text = given[0].text();
    const bool is_day = text.size() == 10;
    SERIN_TRY(const Instant at, parse_time(is_day ? text + "T00:00:00Z" : text));
    return Value(at);
}

// Both look at the whole measurement, whatever they are given: so Argo has it.
Result<Value> call_is_nil(const Surroundings& around, Arguments) {
    return Value(around.result.is(Kind::nil));
}

Result<Value> call_default(const Surroundings& around, Arguments given) {
    return around.result.is(Kind::nil) ? given[1] : around.result;
}

constexpr std::array<Builtin, 11> table{{
    {"type", 1, 1, Type::text, call_type},
    {"string", 1, 1, Type::text, call_string},
    {"toJSON", 1, 1, Type::text, call_to_json},
    {"fromJSON", 1, 1, Type::unknown, call_from_json},
    {"toBase64", 1, 1, Type::text, call_to_base64},
    {"fromBase64", 1, 1, Type::text, call_from_base64},
    {"now", 0, 0, Type::time, call_now},
    {"duration", 1, 1, Type::duration, call_duration},
    {"date", 1, 1, Type::time, call_date},
    {"isNil", 1, 1, Type::boolean, call_is_nil},
    {"default", 2, 2, Type::unknown, call_default},
}};

}  // namespace

std::span<const Builtin> other_builtins() {
    return table;
}

}  // namespace serin::expr
