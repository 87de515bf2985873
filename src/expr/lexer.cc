#include "expr/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <utility>

namespace serin::expr {

namespace {

constexpr std::array<std::string_view, 11> word_operators{
    "not", "in", "or", "and", "matches", "contains", "startsWith", "endsWith", "let", "if", "else"};

bool is_digit(char c) {
    return '0' <= c && c <= '9';
}

bool is_word(char c) {
    return is_digit(c) || ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || c == '_' ||
           c == '$' || static_cast<unsigned char>(c) >= 0x80;
}

int hex_value(char c) {
    if (is_digit(c)) return c - '0';
    if ('a' <= c && c <= 'f') return c - 'a' + 10;
    if ('A' <= c && c <= 'F') return c - 'A' + 10;
    return -1;
}

void append_utf8(std::uint32_t character, std::string& out) {
    const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
    if (character < 0x80) {
        put(character);
    } else if (character < 0x800) {
        put(0xC0U | (character >> 6U));
        put(0x80U | (character & 0x3FU));
    } else if (character < 0x10000) {
        put(0xE0U | (character >> 12U));
        put(0x80U | ((character >> 6U) & 0x3FU));
        put(0x80U | (character & 0x3FU));
    } else {
        put(0xF0U | (character >> 18U));
        put(0x80U | ((character >> 12U) & 0x3FU));
        put(0x80U | ((character >> 6U) & 0x3FU));
        put(0x80U | (character & 0x3FU));
    }
}

class Lexer {
public:
    explicit Lexer(std::string_view source) : source_(source) {}

    std::expected<std::vector<Token>, Problem> run() && {
        while (!problem_ && skip_space()) scan_token();
        if (problem_) return std::unexpected(*std::move(problem_));
        tokens_.push_back({.kind = TokenKind::end, .text = {}, .offset = source_.size()});
        return std::move(tokens_);
    }

private:
    char peek(std::size_t ahead = 0) const {
        return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0';
    }

    void stop(std::size_t offset, std::string message) {
        if (!problem_) problem_ = problem_at(source_, offset, std::move(message));
    }

    void emit(TokenKind kind, std::size_t begin) {
        tokens_.push_back(
            {.kind = kind,
             .text = std::string(source_.substr(begin, at_ - begin)),
             .offset = begin});
    }

    // False at the end of the source.
    bool skip_space() {
        while (at_ < source_.size()) {
            if (std::string_view(" \t\r\n").contains(source_[at_])) {
                ++at_;
            } else if (source_.substr(at_).starts_with("//")) {
                at_ = std::min(source_.find('\n', at_), source_.size());
            } else if (source_.substr(at_).starts_with("/*")) {
                const std::size_t end = source_.find("*/", at_ + 2);
                if (end == std::string_view::npos) {
                    stop(at_, "unclosed comment");
                    return false;
                }
                at_ = end + 2;
            } else {
                return true;
            }
        }
        return false;
    }

    void scan_token() {
        const std::size_t begin = at_;
        const char c = peek();
        if (c == '\'' || c == '"') return scan_text(c);
        if (c == '`') return scan_raw();
        if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return scan_number();
        if (is_word(c)) return scan_word();
        ++at_;
        if (std::string_view("([{)]}").contains(c)) return emit(TokenKind::bracket, begin);
        std::string_view second;
        if (c == '?') second = ".?";
        if (c == '|' || c == ':' || c == '#' || c == '.') second = source_.substr(begin, 1);
        if (std::string_view("&!=*<>").contains(c)) second = "&=*";
        if (second.empty() && !std::string_view(",;%+-^/").contains(c)) {
            return stop(begin, fmt::format("unrecognized character '{}'", c));
        }
        if (at_ < source_.size() && second.contains(peek())) ++at_;
        emit(TokenKind::op, begin);
        if (c == '#' && is_word(peek())) {
            const std::size_t name = at_;
            while (is_word(peek())) ++at_;
            emit(TokenKind::identifier, name);
        }
    }

    void scan_word() {
        const std::size_t begin = at_;
        while (is_word(peek())) ++at_;
        const std::string_view word = source_.substr(begin, at_ - begin);
        const bool is_operator = std::ranges::find(word_operators, word) != word_operators.end();
        emit(is_operator ? TokenKind::op : TokenKind::identifier, begin);
    }

    void scan_number() {
        const std::size_t begin = at_;
        std::string_view digits = "0123456789_";
        if (peek() == '0') {
            const char base = static_cast<char>(peek(1) | 0x20);
            if (base == 'x') digits = "0123456789abcdefABCDEF_";
            if (base == 'o') digits = "01234567_";
            if (base == 'b') digits = "01_";
            if (base == 'x' || base == 'o' || base == 'b') at_ += 2;
        }
        const auto take_digits = [&] {
            while (at_ < source_.size() && digits.contains(peek())) ++at_;
        };
        take_digits();
        if (peek() == '.' && peek(1) == '.') return emit(TokenKind::number, begin);  // A range.
        if (peek() == '.') {
            ++at_;
            take_digits();
        }
        if (peek() == 'e' || peek() == 'E') {
            ++at_;
            if (peek() == '+' || peek() == '-') ++at_;
            take_digits();
        }
        if (is_word(peek())) return stop(begin, "bad number syntax");
        emit(TokenKind::number, begin);
    }

    void scan_raw() {
        const std::size_t begin = at_++;
        const std::size_t end = source_.find('`', at_);
        if (end == std::string_view::npos) return stop(begin, "literal not terminated");
        tokens_.push_back(
            {.kind = TokenKind::text,
             .text = std::string(source_.substr(at_, end - at_)),
             .offset = begin});
        at_ = end + 1;
    }

    void scan_text(char quote) {
        const std::size_t begin = at_++;
        std::string text;
        while (peek() != quote || at_ >= source_.size()) {
            if (at_ >= source_.size() || peek() == '\n') {
                return stop(begin, "literal not terminated");
            }
            if (peek() == '\\') {
                if (!scan_escape(text)) return stop(at_, "unable to unescape string");
            } else {
                text += source_[at_++];
            }
        }
        ++at_;
        tokens_.push_back({.kind = TokenKind::text, .text = std::move(text), .offset = begin});
    }

    bool scan_escape(std::string& out) {
        constexpr std::string_view names = "abfnrtv\\'\"`?";
        constexpr std::string_view meanings = "\a\b\f\n\r\t\v\\'\"`?";
        const char c = peek(1);
        if (const std::size_t index = names.find(c); index != names.npos && c != '\0') {
            out += meanings[index];
            at_ += 2;
            return true;
        }
        if (c == 'x') return scan_code(2, 2, 16, out);
        if (c == 'u') return scan_code(2, 4, 16, out);
        if (c == 'U') return scan_code(2, 8, 16, out);
        return '0' <= c && c <= '3' && scan_code(1, 3, 8, out);
    }

    bool scan_code(std::size_t skip, std::size_t digits, int base, std::string& out) {
        std::uint32_t character = 0;
        for (std::size_t i = 0; i < digits; ++i) {
            const int digit = hex_value(peek(skip + i));
            if (digit < 0 || digit >= base || character > 0xFFFFFFU) return false;
            character =
                character * static_cast<std::uint32_t>(base) + static_cast<std::uint32_t>(digit);
        }
        if (character > 0x10FFFF || (0xD800 <= character && character <= 0xDFFF)) return false;
        append_utf8(character, out);
        at_ += skip + digits;
        return true;
    }

    std::string_view source_;
    std::size_t at_ = 0;
    std::vector<Token> tokens_;
    std::optional<Problem> problem_;
};

}  // namespace

std::expected<std::vector<Token>, Problem> tokenize(std::string_view source) {
    return Lexer(source).run();
}

std::string to_string(const Token& token) {
    switch (token.kind) {
        case TokenKind::end:
            return "EOF";
        case TokenKind::identifier:
            return fmt::format("Identifier(\"{}\")", token.text);
        case TokenKind::number:
            return fmt::format("Number(\"{}\")", token.text);
        case TokenKind::text:
            return fmt::format("String(\"{}\")", token.text);
        case TokenKind::op:
            return fmt::format("Operator(\"{}\")", token.text);
        case TokenKind::bracket:
            return fmt::format("Bracket(\"{}\")", token.text);
    }
    return {};
}

}  // namespace serin::expr
