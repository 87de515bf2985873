#include "lint/promql.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <utility>

namespace serin::lint::promql {

namespace {

constexpr int depth_max = 60;
constexpr int operators_max = 1000;  // A long chain of them is a deep tree too.
constexpr std::size_t length_max = 64UZ * 1024;

enum class TokenKind { end, name, number, text, symbol, unknown };

struct Token {
    TokenKind kind = TokenKind::end;
    std::string text = {};
    std::size_t offset = 0;
};

bool is_name_start(char c) {
    return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_' || c == ':';
}
bool is_digit(char c) {
    return std::isdigit(static_cast<unsigned char>(c)) != 0;
}
bool is_name(char c) {
    return is_name_start(c) || is_digit(c);
}

class Lexer {
public:
    explicit Lexer(std::string_view text) : text_(text) {}

    Token next() {
        skip_blank();
        const std::size_t start = at_;
        if (at_ >= text_.size()) return {.kind = TokenKind::end, .offset = start};
        const char c = text_[at_];
        if (text_.substr(at_).starts_with("{{")) return tag();
        if (is_name_start(c)) return name();
        if (is_digit(c) || (c == '.' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))) {
            return number();
        }
        if (c == '"' || c == '\'' || c == '`') return quoted(c);
        for (const std::string_view symbol : {"=~", "!~", "!=", "==", "<=", ">="}) {
            if (!text_.substr(at_).starts_with(symbol)) continue;
            at_ += symbol.size();
            return {TokenKind::symbol, std::string(symbol), start};
        }
        ++at_;
        const bool is_known = std::string_view("(){}[],=<>+-*/%^@").contains(c);
        return {is_known ? TokenKind::symbol : TokenKind::unknown, std::string(1, c), start};
    }

    // What stands between here and the closing bracket, which is passed.
    std::optional<std::string> until_bracket() {
        const auto end = text_.find(']', at_);
        if (end == std::string_view::npos) return std::nullopt;
        std::string inside(text_.substr(at_, end - at_));
        at_ = end + 1;
        return inside;
    }

private:
    void skip_blank() {
        while (at_ < text_.size()) {
            if (std::isspace(static_cast<unsigned char>(text_[at_])) != 0) {
                ++at_;
            } else if (text_[at_] == '#') {
                at_ = std::min(text_.find('\n', at_), text_.size());
            } else {
                return;
            }
        }
    }

    // {{args.x}}, and what a name goes on with: http_{{args.x}}_total.
    Token tag() {
        const std::size_t start = at_;
        const auto end = text_.find("}}", at_);
        if (end == std::string_view::npos) {
            at_ = text_.size();
            return {TokenKind::unknown, "{{", start};
        }
        at_ = end + 2;
        return name_from(start);
    }
    Token name() { return name_from(at_); }
    Token name_from(std::size_t start) {
        while (at_ < text_.size()) {
            if (is_name(text_[at_])) {
                ++at_;
                continue;
            }
            const auto end = text_.find("}}", at_);
            if (!text_.substr(at_).starts_with("{{") || end == std::string_view::npos) break;
            at_ = end + 2;
        }
        return {TokenKind::name, std::string(text_.substr(start, at_ - start)), start};
    }

    Token number() {
        const std::size_t start = at_;
        while (at_ < text_.size()) {
            const char c = text_[at_];
            const bool is_sign = (c == '+' || c == '-') && (text_[at_ - 1] | 0x20) == 'e' &&
                                 !text_.substr(start).starts_with("0x");
            if (!is_name(c) && c != '.' && !is_sign) break;
            ++at_;
        }
        return {TokenKind::number, std::string(text_.substr(start, at_ - start)), start};
    }

    Token quoted(char quote) {
        const std::size_t start = at_++;
        std::string out;
        while (at_ < text_.size() && text_[at_] != quote) {
            if (text_[at_] == '\\' && quote != '`' && at_ + 1 < text_.size()) {
                ++at_;
                if (text_[at_] != quote && text_[at_] != '\\') out += '\\';
            }
            out += text_[at_++];
        }
        if (at_ >= text_.size()) return {TokenKind::unknown, "", start};
        ++at_;
        return {TokenKind::text, std::move(out), start};
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

constexpr std::string_view aggregations[] = {
    "sum",
    "min",
    "max",
    "avg",
    "group",
    "stddev",
    "stdvar",
    "count",
    "count_values",
    "bottomk",
    "topk",
    "quantile",
    "limitk",
    "limit_ratio"};

std::string lower(std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

bool is_aggregation(const std::string& name) {
    return std::ranges::find(aggregations, lower(name)) != std::end(aggregations);
}

// How tightly an operator binds; 0: none.
int strength(const Token& token) {
    const std::string name = lower(token.text);
    if (token.kind == TokenKind::name) {
        if (name == "or") return 1;
        if (name == "and" || name == "unless") return 2;
        return name == "atan2" ? 5 : 0;
    }
    if (token.kind != TokenKind::symbol) return 0;
    if (name == "==" || name == "!=" || name == "<" || name == "<=" || name == ">" ||
        name == ">=") {
        return 3;
    }
    if (name == "+" || name == "-") return 4;
    if (name == "*" || name == "/" || name == "%") return 5;
    return name == "^" ? 6 : 0;
}

class Parser {
public:
    explicit Parser(std::string_view text) : lexer_(text) { advance(); }

    std::optional<Expr> run() {
        auto expr = binary(1);
        if (is_broken_ || token_.kind != TokenKind::end) return std::nullopt;
        return expr;
    }

private:
    void advance() { token_ = lexer_.next(); }
    bool is_symbol(std::string_view text) const {
        return token_.kind == TokenKind::symbol && token_.text == text;
    }
    bool is_word(std::string_view text) const {
        return token_.kind == TokenKind::name && lower(token_.text) == text;
    }
    bool accept(std::string_view symbol) {
        if (!is_symbol(symbol)) return false;
        advance();
        return true;
    }
    void expect(std::string_view symbol) {
        if (!accept(symbol)) is_broken_ = true;
    }

    Expr binary(int least) {
        Expr left = unary();
        while (!is_broken_) {
            const int power = strength(token_);
            if (power == 0 || power < least) return left;
            if (++operators_ > operators_max) is_broken_ = true;
            const std::string op = lower(token_.text);
            advance();
            skip_modifiers();
            Expr right = binary(op == "^" ? power : power + 1);
            Expr both{.kind = ExprKind::binary, .name = op};
            both.children.push_back(std::move(left));
            both.children.push_back(std::move(right));
            left = std::move(both);
        }
        return left;
    }

    // bool, on (...), ignoring (...), group_left (...), group_right (...)
    void skip_modifiers() {
        while (!is_broken_) {
            if (is_word("bool")) {
                advance();
            } else if (is_word("on") || is_word("ignoring")) {
                advance();
                label_list();
            } else if (is_word("group_left") || is_word("group_right")) {
                advance();
                if (is_symbol("(")) label_list();
            } else {
                return;
            }
        }
    }

    std::vector<std::string> label_list() {
        std::vector<std::string> labels;
        expect("(");
        while (!is_broken_ && !accept(")")) {
            if (token_.kind != TokenKind::name && token_.kind != TokenKind::text) {
                is_broken_ = true;
                break;
            }
            labels.push_back(token_.text);
            advance();
            if (!is_symbol(")")) expect(",");
        }
        return labels;
    }

    Expr unary() {
        if (++depth_ > depth_max) is_broken_ = true;
        Expr out;
        if (is_broken_) return out;
        if (accept("-")) {
            out.kind = ExprKind::minus;
            out.children.push_back(binary(6));
        } else {
            accept("+");
            out = postfix(primary());
        }
        --depth_;
        return out;
    }

    Expr primary() {
        Expr out;
        const Token token = token_;
        if (accept("(")) {
            out = binary(1);
            expect(")");
        } else if (token.kind == TokenKind::number) {
            advance();
            out.number = number(token.text);
        } else if (token.kind == TokenKind::text) {
            advance();
            out.kind = ExprKind::text;
            out.name = token.text;
        } else if (token.kind == TokenKind::name) {
            advance();
            return named(token.text);
        } else if (is_symbol("{")) {
            return selector("");
        } else {
            is_broken_ = true;
        }
        return out;
    }

    static double number(const std::string& text) {
        double value = 0;
        std::from_chars(text.data(), text.data() + text.size(), value);
        return value;
    }

    Expr named(const std::string& name) {
        if (is_aggregation(name) && (is_symbol("(") || is_word("by") || is_word("without"))) {
            return aggregation(name);
        }
        if (is_symbol("(")) {
            Expr call{.kind = ExprKind::call, .name = lower(name)};
            call.children = arguments();
            return call;
        }
        const std::string word = lower(name);
        if (word == "inf" || word == "nan") return {.kind = ExprKind::number};
        return selector(name);
    }

    std::vector<Expr> arguments() {
        std::vector<Expr> out;
        expect("(");
        while (!is_broken_ && !accept(")")) {
            out.push_back(binary(1));
            if (!is_symbol(")")) expect(",");
        }
        return out;
    }

    Expr aggregation(const std::string& name) {
        Expr out{.kind = ExprKind::aggregation, .name = lower(name)};
        grouping(out);
        out.children = arguments();
        grouping(out);
        return out;
    }

    void grouping(Expr& aggregation) {
        if (!is_word("by") && !is_word("without")) return;
        aggregation.is_grouped = true;
        aggregation.is_without = is_word("without");
        advance();
        aggregation.labels = label_list();
    }

    Expr selector(const std::string& name) {
        Expr out{.kind = ExprKind::selector, .name = name};
        if (!accept("{")) return out;
        while (!is_broken_ && !accept("}")) {
            const Token label = token_;
            if (label.kind != TokenKind::name && label.kind != TokenKind::text) {
                is_broken_ = true;
                break;
            }
            advance();
            const Token op = token_;
            if (label.kind == TokenKind::text && (is_symbol(",") || is_symbol("}"))) {
                out.name = label.text;  // {"metric.name", ...}
            } else {
                advance();
                const bool is_op =
                    op.text == "=" || op.text == "!=" || op.text == "=~" || op.text == "!~";
                if (!is_op || (token_.kind != TokenKind::text && token_.kind != TokenKind::name)) {
                    is_broken_ = true;
                    break;
                }
                out.matchers.push_back({label.text, op.text, token_.text});
                advance();
            }
            if (!is_symbol("}")) expect(",");
        }
        return out;
    }

    // [5m], [1h:5m], offset 5m, @ 123
    Expr postfix(Expr expr) {
        while (!is_broken_) {
            if (is_symbol("[")) {
                const auto inside = lexer_.until_bracket();
                if (!inside) {
                    is_broken_ = true;
                    return expr;
                }
                advance();
                expr.has_range = true;
                expr.range = duration(*inside);
            } else if (is_word("offset")) {
                advance();
                accept("-");
                advance();
            } else if (accept("@")) {
                accept("-");
                advance();
                if (is_symbol("(")) arguments();  // start(), end()
            } else {
                return expr;
            }
        }
        return expr;
    }

    static std::optional<Duration> duration(std::string_view text) {
        text = text.substr(0, text.find(':'));
        while (text.starts_with(' ')) text.remove_prefix(1);
        while (text.ends_with(' ')) text.remove_suffix(1);
        for (const auto& [unit, hours] : {std::pair{'d', 24}, std::pair{'w', 168}}) {
            if (!text.ends_with(unit)) continue;
            int count = 0;
            const auto [end, failure] =
                std::from_chars(text.data(), text.data() + text.size() - 1, count);
            if (failure != std::errc() || end != text.data() + text.size() - 1) continue;
            return std::chrono::hours(count * hours);
        }
        const auto parsed = parse_duration(text);
        return parsed && *parsed > Duration(0) ? std::optional(*parsed) : std::nullopt;
    }

    Lexer lexer_;
    Token token_;
    bool is_broken_ = false;
    int depth_ = 0;
    int operators_ = 0;
};

}  // namespace

std::optional<Expr> parse(std::string_view query) {
    if (query.size() > length_max) return std::nullopt;
    return Parser(query).run();
}

}  // namespace serin::lint::promql
