#include "rehearse/promql.h"

#include "expr/pattern.h"
#include "rehearse/promql_node.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

namespace serin::rehearse {

namespace {

using Node = PromQuery::Node;
using NodePtr = std::shared_ptr<const Node>;
using Kind = Node::Kind;

constexpr std::array<std::string_view, 6> aggregations = {
    "sum", "avg", "min", "max", "count", "group"};

bool is_space(char letter) {
    return letter == ' ' || letter == '\n' || letter == '\t' || letter == '\r';
}
bool is_digit(char letter) {
    return letter >= '0' && letter <= '9';
}
bool is_name_letter(char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
           is_digit(letter) || letter == '_' || letter == ':';
}

// A recursive descent; each level of precedence is one function.
class Parser {
public:
    explicit Parser(std::string_view text) : text_(text) {}

    Result<NodePtr> parse() {
        SERIN_TRY(NodePtr node, expression(0));
        skip_space();
        if (at_ < text_.size()) return refuse("unexpected text");
        return node;
    }

private:
    std::unexpected<Error> refuse(std::string_view why) const {
        return fail(
            ErrorKind::invalid,
            fmt::format("{} at \"{}\"", why, text_.substr(std::min(at_, text_.size()), 24)));
    }

    void skip_space() {
        while (at_ < text_.size()) {
            if (text_[at_] == '#') {
                at_ = std::min(text_.find('\n', at_), text_.size());
            } else if (is_space(text_[at_])) {
                ++at_;
            } else {
                return;
            }
        }
    }
    bool take(std::string_view token) {
        skip_space();
        if (!text_.substr(at_).starts_with(token)) return false;
        at_ += token.size();
        return true;
    }
    std::string_view peek_name() {
        skip_space();
        std::size_t end = at_;
        while (end < text_.size() && is_name_letter(text_[end])) ++end;
        return text_.substr(at_, end - at_);
    }
    bool take_name(std::string_view name) {
        if (peek_name() != name) return false;
        at_ += name.size();
        return true;
    }

    // The operator that comes next, if it binds at least as strongly as `level`.
    std::optional<std::pair<std::string_view, int>> peek_operator(int level) {
        struct Operator {
            std::string_view text;
            int level;
        };
        constexpr std::array<Operator, 15> all = {
            {{"==", 3},
             {"!=", 3},
             {"<=", 3},
             {">=", 3},
             {"<", 3},
             {">", 3},
             {"+", 4},
             {"-", 4},
             {"*", 5},
             {"/", 5},
             {"%", 5},
             {"^", 6},
             {"or", 1},
             {"and", 2},
             {"unless", 2}}};
        skip_space();
        const std::string_view name = peek_name();
        for (const Operator& one : all) {
            const bool is_word = one.level <= 2;
            const bool is_next =
                is_word ? name == one.text : text_.substr(at_).starts_with(one.text);
            if (is_next && one.level >= level) return std::pair(one.text, one.level);
        }
        return std::nullopt;
    }

    Result<NodePtr> expression(int level) {
        SERIN_TRY(NodePtr left, unary());
        while (const auto next = peek_operator(level)) {
            at_ += next->first.size();
            Node node{.kind = Kind::binary, .name = std::string(next->first)};
            node.is_bool = take_name("bool");
            for (const char* word : {"on", "ignoring", "group_left", "group_right"}) {
                if (take_name(word)) SERIN_TRY_DO(labels());
            }
            const bool is_right_bound = next->first == "^";
            SERIN_TRY(NodePtr right, expression(next->second + (is_right_bound ? 0 : 1)));
            node.parts = {std::move(left), std::move(right)};
            left = std::make_shared<const Node>(std::move(node));
        }
        return left;
    }

    Result<NodePtr> unary() {
        if (take("+")) return unary();
        if (!take("-")) return postfix();
        SERIN_TRY(NodePtr inner, unary());
        return std::make_shared<const Node>(
            Node{.kind = Kind::negate, .parts = {std::move(inner)}});
    }

    Result<NodePtr> postfix() {
        SERIN_TRY(Node node, primary());
        if (node.kind == Kind::selection && take("[")) {
            SERIN_TRY(node.selection.range, duration());
            if (!take("]")) return refuse("a subquery or an unfinished range");
        }
        if (node.kind == Kind::selection && take_name("offset")) {
            SERIN_TRY(node.selection.offset, duration());
        }
        skip_space();
        if (at_ < text_.size() && (text_[at_] == '[' || text_[at_] == '@')) {
            return refuse("a subquery or a fixed time");
        }
        return std::make_shared<const Node>(std::move(node));
    }

    Result<Duration> duration() {
        constexpr std::array<std::pair<std::string_view, std::int64_t>, 7> units = {{
            {"ms", 1},
            {"s", 1'000},
            {"m", 60'000},
            {"h", 3'600'000},
            {"d", 86'400'000},
            {"w", 604'800'000},
            {"y", 31'536'000'000},
        }};
        std::string_view text = peek_name();
        at_ += text.size();
        Duration total{0};
        if (text.empty()) return refuse("expected a duration");
        while (!text.empty()) {
            std::int64_t count = 0;
            const auto [end, failure] =
                std::from_chars(text.data(), text.data() + text.size(), count);
            if (failure != std::errc() || count < 0 || count > 100'000'000) {
                return refuse("expected a duration");
            }
            text.remove_prefix(static_cast<std::size_t>(end - text.data()));
            bool is_known = false;
            for (const auto& [name, length] : units) {
                if (is_known || !text.starts_with(name)) continue;
                text.remove_prefix(name.size());
                total += Duration(count * length);
                is_known = true;
            }
            if (!is_known) return refuse("expected a duration");
        }
        return total;
    }

    Result<Node> primary() {
        skip_space();
        if (take("(")) {
            SERIN_TRY(const NodePtr inner, expression(0));
            if (!take(")")) return refuse("expected )");
            return *inner;
        }
        if (at_ < text_.size() && (is_digit(text_[at_]) || text_[at_] == '.')) return number();
        const std::string name(peek_name());
        at_ += name.size();
        skip_space();
        const char next = at_ < text_.size() ? text_[at_] : '\0';
        if (name.empty() && next != '{') return refuse("expected a value");
        if (std::ranges::find(aggregations, name) != aggregations.end() &&
            (next == '(' || peek_name() == "by" || peek_name() == "without")) {
            return aggregate(name);
        }
        if (next == '(') {
            Node node{.kind = Kind::call, .name = name};
            SERIN_TRY(node.parts, arguments());
            return node;
        }
        if (name == "NaN" || name == "Inf") {
            return Node{
                .kind = Kind::number,
                .number = name == "Inf" ? std::numeric_limits<double>::infinity()
                                        : std::numeric_limits<double>::quiet_NaN()};
        }
        Node node{.kind = Kind::selection, .selection = {.metric = name}};
        if (next == '{') {
            SERIN_TRY(node.selection.matchers, matchers());
        }
        for (const LabelMatcher& matcher : node.selection.matchers) {
            if (matcher.label == "__name__" && matcher.kind == LabelMatcher::Kind::equal) {
                node.selection.metric = matcher.value;
            }
        }
        return node;
    }

    Result<Node> number() {
        double value = 0;
        const char* begin = text_.data() + at_;
        const auto [end, failure] = std::from_chars(begin, text_.data() + text_.size(), value);
        if (failure != std::errc()) return refuse("expected a number");
        at_ += static_cast<std::size_t>(end - begin);
        return Node{.kind = Kind::number, .number = value};
    }

    Result<Node> aggregate(const std::string& name) {
        Node node{.kind = Kind::aggregate, .name = name};
        SERIN_TRY_DO(grouping(node));
        SERIN_TRY(node.parts, arguments());
        SERIN_TRY_DO(grouping(node));
        if (node.parts.size() != 1) return refuse("expected one argument");
        return node;
    }

    Result<> grouping(Node& node) {
        const bool is_without = take_name("without");
        if (!is_without && !take_name("by")) return {};
        node.is_without = is_without;
        SERIN_TRY(node.by, labels());
        return {};
    }

    Result<std::set<std::string>> labels() {
        std::set<std::string> names;
        if (!take("(")) return names;
        while (!take(")")) {
            const std::string name(peek_name());
            if (name.empty()) return refuse("expected a label");
            at_ += name.size();
            names.insert(name);
            take(",");
        }
        return names;
    }

    Result<std::vector<NodePtr>> arguments() {
        std::vector<NodePtr> parts;
        if (!take("(")) return refuse("expected (");
        if (take(")")) return parts;
        while (true) {
            SERIN_TRY(NodePtr part, expression(0));
            parts.push_back(std::move(part));
            if (take(")")) return parts;
            if (!take(",")) return refuse("expected , or )");
        }
    }

    Result<std::vector<LabelMatcher>> matchers() {
        std::vector<LabelMatcher> found;
        take("{");
        while (!take("}")) {
            LabelMatcher matcher{.label = std::string(peek_name())};
            at_ += matcher.label.size();
            if (take("=~")) {
                matcher.kind = LabelMatcher::Kind::match;
            } else if (take("!~")) {
                matcher.kind = LabelMatcher::Kind::not_match;
            } else if (take("!=")) {
                matcher.kind = LabelMatcher::Kind::not_equal;
            } else if (!take("=")) {
                return refuse("expected a label matcher");
            }
            SERIN_TRY(matcher.value, quoted());
            SERIN_TRY_DO(matcher.admits(""));
            found.push_back(std::move(matcher));
            take(",");
        }
        return found;
    }

    Result<std::string> quoted() {
        skip_space();
        const char quote = at_ < text_.size() ? text_[at_] : '\0';
        if (quote != '"' && quote != '\'' && quote != '`') return refuse("expected a text");
        std::string value;
        for (++at_; at_ < text_.size() && text_[at_] != quote; ++at_) {
            if (text_[at_] == '\\' && quote != '`' && at_ + 1 < text_.size()) {
                ++at_;
                value.push_back(text_[at_] == 'n' ? '\n' : text_[at_] == 't' ? '\t' : text_[at_]);
            } else {
                value.push_back(text_[at_]);
            }
        }
        if (at_ == text_.size()) return refuse("a text without an end");
        ++at_;
        return value;
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

}  // namespace

Result<bool> LabelMatcher::admits(const std::string& text) const {
    if (kind == Kind::equal) return value == text;
    if (kind == Kind::not_equal) return value != text;
    SERIN_TRY(const auto pattern, expr::compile_pattern("^(?:" + value + ")$"));
    return expr::matches(*pattern, text) == (kind == Kind::match);
}

Result<PromQuery> PromQuery::parse(std::string_view text) {
    PromQuery query;
    SERIN_TRY(query.root_, Parser(text).parse());
    return query;
}

}  // namespace serin::rehearse
