#include "base/json.h"

#include "base/check.h"
#include "base/utf8.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/stream_parser.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

namespace serin::json {

namespace {

std::string unescape(std::string_view token) {
    std::string text;
    for (size_t i = 0; i < token.size(); ++i) {
        if (token[i] == '~' && i + 1 < token.size()) {
            text += token[++i] == '1' ? '/' : '~';
        } else {
            text += token[i];
        }
    }
    return text;
}

// The first token of a pointer, taken off it; the pointer starts with '/'. Tokens are looked up all
// the time, so those without an escape, which nearly all are, are not copied.
class Token {
public:
    explicit Token(std::string_view& pointer) {
        size_t end = 1;
        bool is_escaped = false;
        // Tokens are short: a call for each letter sought takes longer than one look at all.
        for (; end < pointer.size() && pointer[end] != '/'; ++end) {
            is_escaped = is_escaped || pointer[end] == '~';
        }
        text_ = pointer.substr(1, end - 1);
        pointer.remove_prefix(end);
        if (is_escaped) {
            unescaped_ = unescape(text_);
            text_ = unescaped_;
        }
    }
    Token(const Token&) = delete;
    Token& operator=(const Token&) = delete;

    std::string_view text() const { return text_; }

private:
    std::string unescaped_;
    std::string_view text_;
};

// Most objects have few members, whose names differ in length or in the first letter: they are
// compared in place. Looking up members is what turns of controllers do most.
const Value* member(const Object& members, std::string_view name) {
    constexpr size_t few = 12;
    if (members.size() > few || name.empty()) return members.if_contains(name);
    for (const auto& one : members) {
        const auto key = one.key();
        if (key.size() == name.size() && key.front() == name.front() && key == name) {
            return &one.value();
        }
    }
    return nullptr;
}

const Value* step(const Value& from, std::string_view token) {
    if (const Object* members = from.if_object()) return member(*members, token);
    if (const Array* items = from.if_array()) {
        size_t index = 0;
        const auto [end, failure] =
            std::from_chars(token.data(), token.data() + token.size(), index);
        if (failure != std::errc() || end != token.data() + token.size()) return nullptr;
        return items->if_contains(index);
    }
    return nullptr;
}

bool is_plain(std::string_view text) {
    return std::ranges::all_of(text, [](const char letter) {
        return static_cast<unsigned char>(letter) >= 0x20 && letter != '"' && letter != '\\' &&
               static_cast<unsigned char>(letter) < 0x80;
    });
}

void print_text(std::string_view text, std::string& out) {
    if (is_plain(text)) {
        out += '"';
        out += text;
        out += '"';
    } else {
        // What is written has to be readable: bytes that are no text would lose the whole document.
        out += boost::json::serialize(boost::json::string_view(repair_utf8(text)));
    }
}

void print_to(const Value& value, std::string& out);

void print_members(const Object& object, std::string& out) {
    out += '{';
    bool is_first = true;
    for (const auto& member : object) {
        if (!is_first) out += ',';
        is_first = false;
        print_text(member.key(), out);
        out += ':';
        print_to(member.value(), out);
    }
    out += '}';
}

void print_to(const Value& value, std::string& out) {
    if (const double* number = value.if_double()) {
        // Boost prints doubles as 1E0; users and Go print them plainly.
        out += std::isfinite(*number) ? fmt::format("{}", *number) : "null";
    } else if (const Object* members = value.if_object()) {
        print_members(*members, out);
    } else if (const auto* text = value.if_string()) {
        print_text(*text, out);
    } else if (const Array* items = value.if_array()) {
        out += '[';
        bool is_first = true;
        for (const Value& item : *items) {
            if (!is_first) out += ',';
            is_first = false;
            print_to(item, out);
        }
        out += ']';
    } else {
        out += boost::json::serialize(value);
    }
}

void print_indented(const Value& value, size_t depth, std::string& out) {
    const std::string inner(2 * (depth + 1), ' ');
    const std::string outer(2 * depth, ' ');
    if (const Object* members = value.if_object(); members != nullptr && !members->empty()) {
        out += "{\n";
        bool first = true;
        for (const auto& member : *members) {
            if (!first) out += ",\n";
            first = false;
            out += inner;
            print_text(member.key(), out);
            out += ": ";
            print_indented(member.value(), depth + 1, out);
        }
        out += "\n" + outer + "}";
    } else if (const Array* items = value.if_array(); items != nullptr && !items->empty()) {
        out += "[\n";
        bool first = true;
        for (const Value& item : *items) {
            if (!first) out += ",\n";
            first = false;
            out += inner;
            print_indented(item, depth + 1, out);
        }
        out += "\n" + outer + "]";
    } else {
        out += print(value);
    }
}

void print_sorted(const Value& value, std::string& out) {
    if (const Object* members = value.if_object()) {
        std::vector<const Object::value_type*> sorted;
        sorted.reserve(members->size());
        for (const auto& member : *members) sorted.push_back(&member);
        std::ranges::sort(
            sorted, [](const auto* left, const auto* right) { return left->key() < right->key(); });
        out += '{';
        for (const auto* member : sorted) {
            if (out.back() != '{') out += ',';
            print_text(member->key(), out);
            out += ':';
            print_sorted(member->value(), out);
        }
        out += '}';
    } else if (const Array* items = value.if_array()) {
        out += '[';
        bool first = true;
        for (const Value& item : *items) {
            if (!first) out += ',';
            first = false;
            print_sorted(item, out);
        }
        out += ']';
    } else {
        print_to(value, out);
    }
}

}  // namespace

Result<Value> parse(std::string_view text) {
    boost::json::parse_options options;
    options.max_depth = 128;
    boost::json::stream_parser parser({}, options);
    boost::system::error_code error;
    const size_t read = parser.write_some(text.data(), text.size(), error);
    if (!error && read < text.size() &&
        text.find_first_not_of(" \t\r\n", read) != std::string_view::npos) {
        error = boost::json::make_error_code(boost::json::error::extra_data);
    }
    if (!error) parser.finish(error);
    if (!error) return parser.release();

    const std::string_view before = text.substr(0, read);
    const auto line = 1 + std::ranges::count(before, '\n');
    const size_t column = read - (before.rfind('\n') + 1) + 1;
    return fail(
        ErrorKind::invalid,
        fmt::format("not JSON at line {}, column {}: {}", line, column, error.message()));
}

std::string print(const Value& value) {
    std::string out;
    print_to(value, out);
    return out;
}

std::string print_object(const Object& object) {
    std::string out;
    print_members(object, out);
    return out;
}

std::string print_pretty(const Value& value) {
    std::string out;
    print_indented(value, 0, out);
    return out;
}

std::string print_canonical(const Value& value) {
    std::string out;
    print_sorted(value, out);
    return out;
}

const Value* find(const Value& root, std::string_view pointer) {
    const Value* at = &root;
    while (at != nullptr && pointer.starts_with('/')) at = step(*at, Token(pointer).text());
    return at;
}

const Value* find(const Object& root, std::string_view pointer) {
    if (!pointer.starts_with('/')) return nullptr;
    const Value* at = member(root, Token(pointer).text());
    return at == nullptr ? nullptr : find(*at, pointer);
}

std::optional<std::string_view> text(const Value* value) {
    if (value == nullptr || !value->is_string()) return std::nullopt;
    return std::string_view(value->get_string());
}

std::optional<std::int64_t> integer(const Value* value) {
    if (value == nullptr) return std::nullopt;
    if (const auto* number = value->if_int64()) return *number;
    if (const auto* number = value->if_double()) {
        if (std::trunc(*number) == *number && std::abs(*number) < 9e15) {
            return static_cast<std::int64_t>(*number);
        }
    }
    return std::nullopt;
}

std::optional<double> number(const Value* value) {
    if (value == nullptr) return std::nullopt;
    if (const auto* whole = value->if_int64()) return static_cast<double>(*whole);
    if (const auto* whole = value->if_uint64()) return static_cast<double>(*whole);
    if (const auto* fraction = value->if_double()) return *fraction;
    return std::nullopt;
}

std::optional<bool> boolean(const Value* value) {
    if (value == nullptr || !value->is_bool()) return std::nullopt;
    return value->get_bool();
}

const Object* object(const Value* value) {
    return value == nullptr ? nullptr : value->if_object();
}

const Array* array(const Value* value) {
    return value == nullptr ? nullptr : value->if_array();
}

Value& put(Object& root, std::string_view pointer, Value value) {
    SERIN_CHECK(pointer.starts_with('/'));
    Object* parent = &root;
    for (;;) {
        const Token token(pointer);
        Value& slot = (*parent)[token.text()];
        if (pointer.empty()) {
            slot = std::move(value);
            return slot;
        }
        if (slot.is_null()) slot = Object();
        SERIN_CHECK(slot.is_object());
        parent = &slot.get_object();
    }
}

bool erase(Object& root, std::string_view pointer) {
    Object* parent = &root;
    while (pointer.starts_with('/')) {
        const Token token(pointer);
        if (pointer.empty()) return parent->erase(token.text()) > 0;
        Value* next = parent->if_contains(token.text());
        if (next == nullptr || !next->is_object()) return false;
        parent = &next->get_object();
    }
    return false;
}

std::string escape_pointer(std::string_view token) {
    std::string out;
    for (const char c : token) {
        if (c == '~') {
            out += "~0";
        } else if (c == '/') {
            out += "~1";
        } else {
            out += c;
        }
    }
    return out;
}

bool same(const Value& left, const Value& right) {
    if (&left == &right) return true;
    if (left.is_number() && right.is_number()) {
        if (left.is_double() || right.is_double()) return number(&left) == number(&right);
        return left == right;
    }
    if (left.kind() != right.kind()) return false;
    if (const Object* members = left.if_object()) return same_objects(*members, right.get_object());
    if (const Array* items = left.if_array()) {
        return std::ranges::equal(
            *items, right.get_array(), [](const Value& a, const Value& b) { return same(a, b); });
    }
    return left == right;
}

bool same_objects(const Object& left, const Object& right) {
    if (&left == &right) return true;
    if (left.size() != right.size()) return false;
    // Mostly the members of both are in one order.
    const auto* beside = right.begin();
    for (const auto& one : left) {
        const Value* other = beside->key() == one.key() ? &beside->value() : nullptr;
        if (other == nullptr) other = right.if_contains(one.key());
        if (other == nullptr || !same(one.value(), *other)) return false;
        ++beside;
    }
    return true;
}

}  // namespace serin::json
