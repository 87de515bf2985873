#include "base/json.h"
#include "base/yaml_scalar.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace serin::json {

namespace {

constexpr size_t simple_key_max = 1000;  // YAML reads at most 1024 characters before a ':'.
constexpr char32_t replacement = 0xFFFD;

// Takes one character off valid or invalid UTF-8; what is no character becomes U+FFFD.
char32_t take_character(std::string_view& text) {
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    const size_t length = lead < 0x80                    ? 1
                          : lead >= 0xC2 && lead <= 0xDF ? 2
                          : lead >= 0xE0 && lead <= 0xEF ? 3
                          : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                         : 0;
    char32_t character = length <= 1 ? lead : lead & (0xFFU >> (length + 1));
    bool is_valid = length > 0 && length <= text.size();
    for (size_t i = 1; is_valid && i < length; ++i) {
        is_valid = (byte(i) & 0xC0U) == 0x80;
        character = (character << 6U) | (byte(i) & 0x3FU);
    }
    is_valid = is_valid && character <= 0x10FFFF && !(0xD800 <= character && character <= 0xDFFF) &&
               !(length == 3 && character < 0x800) && !(length == 4 && character < 0x10000);
    text.remove_prefix(is_valid ? length : 1);
    return is_valid ? character : replacement;
}

// May stand unescaped on one line; YAML's other line breaks may not.
bool is_printable(char32_t character) {
    if (character < 0x20 || character == 0xFEFF) return false;
    if (0x7F <= character && character < 0xA0) return false;
    if (character == 0x2028 || character == 0x2029) return false;
    return character != 0xFFFE && character != 0xFFFF;
}

// Every character is printable or one of `more`, and the text is UTF-8.
bool is_clean(std::string_view text, std::u32string_view more) {
    while (!text.empty()) {
        const std::string_view before = text;
        const char32_t character = take_character(text);
        const bool is_broken = character == replacement && before.size() - text.size() == 1;
        if (is_broken || (!is_printable(character) && !more.contains(character))) return false;
    }
    return true;
}

// Dates, and numbers to base 60 of other YAML readers.
bool looks_like_time(std::string_view text) {
    return text.find_first_not_of("0123456789-:.TtZz+ ") == text.npos &&
           text.find_first_of(":-") != text.npos &&
           std::string_view("0123456789").contains(text.front());
}

bool may_be_plain(std::string_view text) {
    if (text.empty() || text == "<<" || text == "y" || text == "n" || text == "Y" || text == "N") {
        return false;
    }
    if (std::string_view("-?:,[]{}#&*!|>'\"%@` =.").contains(text.front())) return false;
    if (text.back() == ' ' || text.back() == ':') return false;
    if (text.contains(": ") || text.contains(" #") || !is_clean(text, U"")) return false;
    const PlainScalar read = resolve_plain(text);
    return read.value.is_string() && read.surprise.empty() && !looks_like_time(text);
}

void print_quoted(std::string_view text, std::string& out) {
    out += '"';
    while (!text.empty()) {
        const std::string_view before = text;
        const char32_t character = take_character(text);
        if (character == '"' || character == '\\') {
            out += '\\';
            out += static_cast<char>(character);
        } else if (character == '\n') {
            out += "\\n";
        } else if (character == '\t') {
            out += "\\t";
        } else if (is_printable(character) && character != replacement) {
            out += before.substr(0, before.size() - text.size());
        } else {
            out += fmt::format("\\u{:04x}", static_cast<unsigned>(character));
        }
    }
    out += '"';
}

bool may_be_literal(std::string_view text) {
    return text.contains('\n') && !std::string_view(" \t\n").contains(text.front()) &&
           is_clean(text, U"\n\t");
}

void print_literal(std::string_view text, size_t indent, std::string& out) {
    out += !text.ends_with('\n') ? "|-" : text.ends_with("\n\n") ? "|+" : "|";
    if (text.ends_with('\n')) text.remove_suffix(1);
    for (;;) {
        const size_t end = std::min(text.find('\n'), text.size());
        out += '\n';
        if (end > 0) out.append(indent, ' ');
        out += text.substr(0, end);
        if (end == text.size()) break;
        text.remove_prefix(end + 1);
    }
    out += '\n';
}

std::string print_key(std::string_view key) {
    if (may_be_plain(key)) return std::string(key);
    std::string out;
    print_quoted(key, out);
    return out;
}

void print_scalar(const Value& value, size_t indent, std::string& out) {
    const auto content = text(&value);
    if (!content) {
        out += print(value) + '\n';
    } else if (may_be_literal(*content)) {
        print_literal(*content, indent, out);
    } else if (may_be_plain(*content)) {
        out += *content;
        out += '\n';
    } else {
        print_quoted(*content, out);
        out += '\n';
    }
}

bool is_block(const Value& value) {
    return (value.is_object() && !value.get_object().empty()) ||
           (value.is_array() && !value.get_array().empty());
}

// The cursor stands behind `indent` columns; ends with a newline.
void print_block(const Value& value, size_t indent, std::string& out) {
    bool first = true;
    const auto begin_line = [&] {
        if (!first) out.append(indent, ' ');
        first = false;
    };
    if (const Object* members = value.if_object(); members != nullptr && !members->empty()) {
        for (const auto& member : *members) {
            begin_line();
            const std::string key = print_key(member.key());
            if (key.size() > simple_key_max) {
                out += "? " + key + '\n' + std::string(indent, ' ') + ':';
            } else {
                out += key + ':';
            }
            if (is_block(member.value())) {
                // Lists stand level with their key, as kubectl prints them.
                const size_t inner = indent + (member.value().is_array() ? 0 : 2);
                out += '\n' + std::string(inner, ' ');
                print_block(member.value(), inner, out);
            } else {
                out += ' ';
                print_scalar(member.value(), indent + 2, out);
            }
        }
    } else if (const Array* items = value.if_array(); items != nullptr && !items->empty()) {
        for (const Value& item : *items) {
            begin_line();
            out += "- ";
            print_block(item, indent + 2, out);
        }
    } else {
        print_scalar(value, std::max<size_t>(indent, 2), out);
    }
}

}  // namespace

std::string print_yaml(const Value& value) {
    std::string out;
    print_block(value, 0, out);
    return out;
}

}  // namespace serin::json
