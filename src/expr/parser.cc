#include "expr/parser.h"

#include "expr/builder.h"
#include "expr/builtins.h"
#include "expr/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace serin::expr {

namespace {

constexpr std::size_t source_max = 32U << 10U;

struct BinaryOperator {
    std::string_view symbol;
    int precedence = 0;
    Operator op = Operator::either;
};

constexpr int comparison_precedence = 20;
constexpr int coalesce_precedence = 500;
constexpr std::array<BinaryOperator, 24> binary_operators{{
    {"or", 10, Operator::either},
    {"||", 10, Operator::either},
    {"and", 15, Operator::both},
    {"&&", 15, Operator::both},
    {"==", 20, Operator::equals},
    {"!=", 20, Operator::differs},
    {"<", 20, Operator::less},
    {"<=", 20, Operator::less_equal},
    {">", 20, Operator::greater},
    {">=", 20, Operator::greater_equal},
    {"in", 20, Operator::in},
    {"matches", 20, Operator::matches},
    {"contains", 20, Operator::contains},
    {"startsWith", 20, Operator::starts_with},
    {"endsWith", 20, Operator::ends_with},
    {"..", 25, Operator::range},
    {"+", 30, Operator::add},
    {"-", 30, Operator::subtract},
    {"*", 60, Operator::multiply},
    {"/", 60, Operator::divide},
    {"%", 60, Operator::modulo},
    {"**", 100, Operator::power},
    {"^", 100, Operator::power},
    {"??", coalesce_precedence, Operator::coalesce},
}};

const BinaryOperator* find_operator(const Token& token) {
    if (token.kind != TokenKind::op) return nullptr;
    const auto* found = std::ranges::find(binary_operators, token.text, &BinaryOperator::symbol);
    return found == binary_operators.end() ? nullptr : found;
}

bool is_order(Operator op) {
    return op == Operator::less || op == Operator::less_equal || op == Operator::greater ||
           op == Operator::greater_equal;
}

bool may_be_negated(const BinaryOperator* found) {
    return found != nullptr &&
           (found->op == Operator::in || found->op == Operator::matches ||
            found->op == Operator::contains || found->op == Operator::starts_with ||
            found->op == Operator::ends_with);
}

// Reading goes on blindly after the first problem, and every step returns at once.
class Parser {
public:
    Parser(std::string_view source, std::vector<Token> tokens, Type result_type)
        : build_(source), tokens_(std::move(tokens)), result_type_(result_type) {}

    std::expected<Parsed, Problem> run() && {
        parsed_.root = parse_sequence();
        if (!is_stopped() && current().kind != TokenKind::end) unexpected();
        if (is_stopped()) return std::unexpected(*build_.problem());
        return std::move(parsed_);
    }

private:
    const Token& current() const { return tokens_[at_]; }
    bool is_stopped() const { return build_.is_stopped(); }
    void next() { at_ = std::min(at_ + 1, tokens_.size() - 1); }

    bool is(std::string_view text) const {
        const TokenKind kind = current().kind;
        return (kind == TokenKind::op || kind == TokenKind::bracket) && current().text == text;
    }

    bool accept(std::string_view text) {
        if (is_stopped() || !is(text)) return false;
        next();
        return true;
    }

    void expect(std::string_view text) {
        if (!accept(text)) unexpected();
    }

    NodePointer unexpected() {
        return build_.stop(
            current().offset, fmt::format("unexpected token {}", to_string(current())));
    }

    NodePointer parse_sequence() {
        std::vector<NodePointer> nodes{parse_expression(0)};
        const std::size_t offset = current().offset;
        while (accept(";")) {
            if (current().kind == TokenKind::end || is(")") || is("}")) break;
            nodes.push_back(parse_expression(0));
        }
        if (nodes.size() == 1) return nodes.front();
        const Type last = nodes.back() ? nodes.back()->type : Type::unknown;
        return build_.make(
            {.kind = NodeKind::sequence, .offset = offset, .type = last, .children = nodes});
    }

    NodePointer parse_expression(int precedence) {
        if (is_stopped()) return nullptr;
        if (nesting_ >= nesting_max) {
            return build_.stop(current().offset, "the condition is nested too deeply");
        }
        ++nesting_;
        NodePointer node;
        if (precedence == 0 && is("let")) {
            node = parse_let();
        } else if (precedence == 0 && is("if")) {
            node = parse_if();
        } else {
            node = parse_operators(precedence);
            if (precedence == 0) node = parse_ternary(std::move(node));
        }
        --nesting_;
        return node;
    }

    NodePointer parse_operators(int precedence) {
        NodePointer left = parse_primary();
        bool follows_coalesce = false;
        while (!is_stopped() && current().kind == TokenKind::op) {
            const Token token = current();
            if (token.text == "|") {
                if (precedence > 0) break;
                next();
                left = parse_pipe(std::move(left));
                continue;
            }
            const std::size_t start = at_;
            const bool is_negated = accept("not");
            const BinaryOperator* found = find_operator(current());
            if (is_negated && !may_be_negated(found)) return unexpected();
            if (found == nullptr || found->precedence < precedence) {
                at_ = start;
                break;
            }
            if (follows_coalesce && found->op != Operator::coalesce) {
                return build_.stop(
                    token.offset,
                    fmt::format(
                        "operator ({}) and coalesce expressions (\?\?) cannot be mixed, wrap "
                        "either "
                        "in parentheses",
                        token.text));
            }
            follows_coalesce = found->op == Operator::coalesce;
            if (is_order(found->op)) {
                left = parse_comparisons(std::move(left));
                continue;
            }
            next();
            const bool is_right = found->op == Operator::power;
            NodePointer right = parse_expression(found->precedence + (is_right ? 0 : 1));
            left = build_.make_binary(
                found->op, found->symbol, token.offset, std::move(left), std::move(right));
            if (is_negated) left = build_.make_negation(token.offset, std::move(left));
        }
        return left;
    }

    // a < b < c means a < b && b < c.
    NodePointer parse_comparisons(NodePointer left) {
        NodePointer all;
        for (const auto* found = find_operator(current());
             !is_stopped() && found != nullptr && is_order(found->op);
             found = find_operator(current())) {
            const std::size_t offset = current().offset;
            next();
            NodePointer right = parse_expression(comparison_precedence + 1);
            NodePointer one =
                build_.make_binary(found->op, found->symbol, offset, std::move(left), right);
            left = std::move(right);
            all = all == nullptr
                      ? std::move(one)
                      : build_.make_binary(
                            Operator::both, "&&", offset, std::move(all), std::move(one));
        }
        return all;
    }

    NodePointer parse_let() {
        next();
        const Token name = current();
        if (name.kind != TokenKind::identifier) return unexpected();
        if (name.text == "result" || find_builtin(name.text) != nullptr ||
            find_variable(name.text) != nullptr) {
            return build_.stop(name.offset, fmt::format("cannot redeclare {}", name.text));
        }
        next();
        expect("=");
        NodePointer value = parse_expression(0);
        expect(";");
        variables_.emplace_back(name.text, value ? value->type : Type::unknown);
        NodePointer rest = parse_sequence();
        variables_.pop_back();
        const Type result = rest ? rest->type : Type::unknown;
        return build_.make(
            {.kind = NodeKind::let,
             .offset = name.offset,
             .type = result,
             .children = {std::move(value), std::move(rest)},
             .name = name.text});
    }

    NodePointer parse_if() {
        const std::size_t offset = current().offset;
        next();
        NodePointer condition = parse_expression(0);
        expect("{");
        NodePointer then = parse_sequence();
        expect("}");
        expect("else");
        expect("{");
        NodePointer other = parse_sequence();
        expect("}");
        return build_.make_conditional(
            offset, std::move(condition), std::move(then), std::move(other));
    }

    NodePointer parse_ternary(NodePointer node) {
        while (!is_stopped() && is("?")) {
            const std::size_t offset = current().offset;
            next();
            NodePointer then = node;
            if (!is(":")) then = parse_expression(0);
            expect(":");
            NodePointer other = parse_expression(0);
            node =
                build_.make_conditional(offset, std::move(node), std::move(then), std::move(other));
        }
        return node;
    }

    NodePointer parse_primary() {
        const Token token = current();
        if (is("not") || is("!")) {
            next();
            NodePointer operand = parse_expression(50);
            return parse_postfix(build_.make_negation(token.offset, std::move(operand)));
        }
        if (is("-") || is("+")) {
            next();
            return parse_postfix(build_.make_sign(token, parse_expression(90)));
        }
        if (accept("(")) {
            NodePointer node = parse_sequence();
            expect(")");
            return parse_postfix(std::move(node));
        }
        if (loops_ > 0 && (is("#") || is("."))) {
            std::string name;
            if (accept("#") && current().kind == TokenKind::identifier) {
                name = current().text;
                next();
            }
            return parse_postfix(build_.make_item(token.offset, std::move(name)));
        }
        if (accept("::")) return parse_postfix(parse_name());
        return parse_operand();
    }

    NodePointer parse_operand() {
        const Token token = current();
        if (token.kind == TokenKind::identifier) return parse_postfix(parse_name());
        if (token.kind == TokenKind::number) {
            next();
            return build_.make_number(token);
        }
        if (token.kind == TokenKind::text) {
            next();
            return parse_postfix(build_.make_literal(token.offset, Value(token.text)));
        }
        if (accept("[")) return parse_postfix(parse_list(token.offset));
        if (accept("{")) return parse_postfix(parse_map(token.offset));
        return unexpected();
    }

    NodePointer parse_list(std::size_t offset) {
        Node node{.kind = NodeKind::list, .offset = offset, .type = Type::list};
        while (!is_stopped() && !is("]")) {
            node.children.push_back(parse_expression(0));
            if (!is("]")) expect(",");
        }
        expect("]");
        return build_.make(std::move(node));
    }

    NodePointer parse_map(std::size_t offset) {
        Node node{.kind = NodeKind::map, .offset = offset, .type = Type::map};
        while (!is_stopped() && !is("}")) {
            const Token key = current();
            if (key.kind == TokenKind::number || key.kind == TokenKind::text ||
                key.kind == TokenKind::identifier) {
                next();
                node.children.push_back(build_.make_literal(key.offset, Value(key.text)));
            } else if (is("(")) {
                node.children.push_back(parse_expression(0));
            } else {
                return build_.stop(
                    key.offset,
                    fmt::format(
                        "a map key must be a quoted string, a number, an identifier, or an "
                        "expression enclosed in parentheses (unexpected token {})",
                        to_string(key)));
            }
            expect(":");
            node.children.push_back(parse_expression(0));
            if (!is("}")) expect(",");
        }
        expect("}");
        return build_.make(std::move(node));
    }

    const std::pair<std::string, Type>* find_variable(std::string_view name) const {
        const auto found =
            std::ranges::find(variables_, name, &std::pair<std::string, Type>::first);
        return found == variables_.end() ? nullptr : &*found;
    }

    NodePointer parse_name() {
        const Token token = current();
        if (token.kind != TokenKind::identifier) return unexpected();
        next();
        if (is("(")) return parse_call(token, {});
        if (token.text == "true") return build_.make_literal(token.offset, Value(true));
        if (token.text == "false") return build_.make_literal(token.offset, Value(false));
        if (token.text == "nil") return build_.make_literal(token.offset, Value());
        if (token.text == "result") {
            parsed_.reads_result = true;
            return build_.make(
                {.kind = NodeKind::result, .offset = token.offset, .type = result_type_});
        }
        if (const auto* variable = find_variable(token.text)) {
            return build_.make(
                {.kind = NodeKind::variable,
                 .offset = token.offset,
                 .type = variable->second,
                 .name = token.text});
        }
        return build_.stop(token.offset, fmt::format("unknown name {}", token.text));
    }

    NodePointer parse_pipe(NodePointer left) {
        const Token name = current();
        if (name.kind != TokenKind::identifier) return unexpected();
        next();
        return parse_postfix(parse_call(name, {std::move(left)}));
    }

    NodePointer parse_call(const Token& name, std::vector<NodePointer> arguments) {
        const Builtin* builtin = find_builtin(name.text);
        if (builtin == nullptr) {
            return build_.stop(name.offset, fmt::format("unknown name {}", name.text));
        }
        expect("(");
        const std::size_t given = arguments.size();
        while (!is_stopped() && !is(")")) {
            if (arguments.size() > given) expect(",");
            if (is(")")) break;
            const bool is_predicate = builtin->loop != Loop::none && arguments.size() == 1;
            arguments.push_back(is_predicate ? parse_predicate() : parse_expression(0));
        }
        expect(")");
        const bool is_about_result =
            !arguments.empty() && arguments[0] && arguments[0]->kind == NodeKind::result;
        if ((name.text == "len" && is_about_result) || name.text == "isNil" ||
            name.text == "default") {
            parsed_.asks_length = true;
        }
        return build_.make_call(name, *builtin, std::move(arguments));
    }

    NodePointer parse_predicate() {
        ++loops_;
        NodePointer node;
        if (accept("{")) {
            node = parse_sequence();
            expect("}");
        } else {
            node = parse_expression(0);
            if (!is_stopped() && is(";")) {
                build_.stop(current().offset, "wrap predicate with brackets { and }");
            }
        }
        --loops_;
        return node;
    }

    NodePointer parse_postfix(NodePointer node) {
        bool is_chain = false;
        while (!is_stopped()) {
            const std::size_t offset = current().offset;
            const bool is_optional = is("?.");
            is_chain = is_chain || is_optional;
            if (is("[") || (is_optional && tokens_[at_ + 1].text == "[")) {
                if (is_optional) next();
                next();
                node = parse_index(offset, std::move(node), is_optional);
            } else if (is_optional || is(".")) {
                next();
                node = parse_field(offset, std::move(node), is_optional);
            } else {
                break;
            }
        }
        if (!is_chain || is_stopped()) return node;
        const std::size_t offset = node->offset;
        return build_.make(
            {.kind = NodeKind::chain, .offset = offset, .children = {std::move(node)}});
    }

    NodePointer parse_field(std::size_t offset, NodePointer of, bool is_optional) {
        const Token name = current();
        const bool is_name = name.kind == TokenKind::identifier ||
                             (name.kind == TokenKind::op && !name.text.empty() &&
                              name.text.front() >= 'a' && name.text.front() <= 'z');
        if (!is_name) return build_.stop(name.offset, "expected name");
        next();
        if (accept("(")) {
            Node node{.kind = NodeKind::method, .offset = offset, .name = name.text};
            node.children.push_back(std::move(of));
            node.is_optional = is_optional;
            while (!is_stopped() && !is(")")) {
                node.children.push_back(parse_expression(0));
                if (!is(")")) expect(",");
            }
            expect(")");
            return build_.make(std::move(node));
        }
        return build_.make_field(offset, name, std::move(of), is_optional);
    }

    NodePointer parse_index(std::size_t offset, NodePointer of, bool is_optional) {
        NodePointer from;
        if (!is(":")) from = parse_expression(0);
        if (accept(":")) {
            NodePointer to;
            if (!is("]")) to = parse_expression(0);
            expect("]");
            return build_.make_slice(offset, std::move(of), std::move(from), std::move(to));
        }
        expect("]");
        if (is_stopped()) return nullptr;
        if (of->kind == NodeKind::result) parsed_.indexes_result = true;
        return build_.make_element(offset, std::move(of), std::move(from), is_optional);
    }

    Builder build_;
    std::vector<Token> tokens_;
    Type result_type_;
    std::size_t at_ = 0;
    int nesting_ = 0;
    int loops_ = 0;  // Predicates around the current place.
    std::vector<std::pair<std::string, Type>> variables_;
    Parsed parsed_;
};

}  // namespace

std::expected<Parsed, Problem> parse(std::string_view source, Type result_type) {
    if (source.size() > source_max) {
        return std::unexpected(
            problem_at(source.substr(0, 0), 0, "the condition is longer than 32 KiB"));
    }
    auto tokens = tokenize(source);
    if (!tokens) return std::unexpected(std::move(tokens).error());
    return Parser(source, *std::move(tokens), result_type).run();
}

}  // namespace serin::expr
