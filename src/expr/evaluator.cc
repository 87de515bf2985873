#include "expr/evaluator.h"

#include "expr/builtins.h"
#include "expr/operators.h"
#include "expr/pattern.h"

#include <fmt/format.h>

#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <utility>
#include <vector>

namespace serin::expr {

namespace {

std::unexpected<Error> no_bool(std::string_view where, const Value& value) {
    return fail(
        ErrorKind::invalid,
        fmt::format("{} takes a bool, but got {}", where, go_type(value.kind())));
}

class Evaluator {
public:
    Evaluator(const Value& result, Instant now) : result_(result), now_(now) {}

    Result<Value> run(const Node& node) {
        SERIN_TRY_DO(budget_.work(1));
        switch (node.kind) {
            case NodeKind::literal:
                return node.literal;
            case NodeKind::result:
                return result_;
            case NodeKind::variable:
                return variable(node.name);
            case NodeKind::item:
                return item(node.name);
            case NodeKind::list:
                return run_list(node);
            case NodeKind::map:
                return run_map(node);
            case NodeKind::negation: {
                SERIN_TRY(const bool value, run_bool("not", *node.children[0]));
                return Value(!value);
            }
            case NodeKind::minus: {
                SERIN_TRY(const Value value, run(*node.children[0]));
                return negate_number(value);
            }
            case NodeKind::plus: {
                SERIN_TRY(Value value, run(*node.children[0]));
                if (value.is_number()) return value;
                return fail(
                    ErrorKind::invalid,
                    fmt::format("invalid operation: + {}", go_type(value.kind())));
            }
            case NodeKind::binary:
                return run_binary(node);
            case NodeKind::member:
            case NodeKind::slice:
            case NodeKind::method:
                return run_postfix(node);
            case NodeKind::chain:
                return run_chain(node);
            case NodeKind::call:
                return node.builtin->loop == Loop::none ? run_call(node) : run_loop(node);
            case NodeKind::conditional: {
                SERIN_TRY(const bool value, run_bool("a condition", *node.children[0]));
                return run(*node.children[value ? 1 : 2]);
            }
            case NodeKind::let:
                return run_let(node);
            case NodeKind::sequence:
                return run_sequence(node);
        }
        std::abort();
    }

private:
    // What # and its kin mean in a predicate.
    struct Scope {
        Value item;
        std::int64_t index = 0;
        Value accumulated;
    };

    Result<Value> variable(std::string_view name) const {
        for (auto one = variables_.rbegin(); one != variables_.rend(); ++one) {
            if (one->first == name) return one->second;
        }
        std::abort();  // The parser knows all names.
    }

    Result<Value> item(std::string_view name) const {
        if (name == "index") return Value(scope_->index);
        return name == "acc" ? scope_->accumulated : scope_->item;
    }

    Result<bool> run_bool(std::string_view where, const Node& node) {
        SERIN_TRY(const Value value, run(node));
        if (!value.is(Kind::boolean)) return no_bool(where, value);
        return value.boolean();
    }

    Result<Value> run_list(const Node& node) {
        SERIN_TRY_DO(budget_.memory((1 + node.children.size()) * sizeof(Value)));
        std::vector<Value> items;
        items.reserve(node.children.size());
        for (const NodePointer& child : node.children) {
            SERIN_TRY(Value value, run(*child));
            items.push_back(std::move(value));
        }
        return budget_.keep(Value(std::move(items)));
    }

    Result<Value> run_map(const Node& node) {
        SERIN_TRY_DO(budget_.memory((1 + node.children.size()) * 4 * sizeof(Value)));
        std::map<Value, Value> members;
        for (std::size_t i = 0; i + 1 < node.children.size(); i += 2) {
            SERIN_TRY(Value key, run(*node.children[i]));
            if (!key.is(Kind::text)) {
                return fail(
                    ErrorKind::invalid,
                    fmt::format("a map key has to be a string, not {}", go_type(key.kind())));
            }
            SERIN_TRY(Value value, run(*node.children[i + 1]));
            members.insert_or_assign(std::move(key), std::move(value));
        }
        return budget_.keep(Value(std::move(members)));
    }

    Result<Value> run_binary(const Node& node) {
        const Node& left_node = *node.children[0];
        const Node& right_node = *node.children[1];
        if (node.op == Operator::both || node.op == Operator::either) {
            const std::string_view name = node.op == Operator::both ? "and" : "or";
            SERIN_TRY(const bool first, run_bool(name, left_node));
            if (first == (node.op == Operator::either)) return Value(first);
            SERIN_TRY(const bool second, run_bool(name, right_node));
            return Value(second);
        }
        SERIN_TRY(Value left, run(left_node));
        if (node.op == Operator::coalesce) return left.is(Kind::nil) ? run(right_node) : left;
        SERIN_TRY(const Value right, run(right_node));
        if (node.pattern != nullptr && left.is(Kind::text)) {
            SERIN_TRY_DO(budget_.work(left.text().size() / 4));
            return Value(matches(*node.pattern, left.text()));
        }
        return apply(budget_, node.op, left, right);
    }

    Result<Value> run_postfix(const Node& node) {
        SERIN_TRY(const Value of, run(*node.children[0]));
        if (is_cut_) return Value();
        if (node.is_optional && of.is(Kind::nil)) {
            is_cut_ = true;
            return Value();
        }
        const bool is_slice = node.kind == NodeKind::slice;
        std::vector<Value> rest;
        std::vector<const Value*> given;
        rest.reserve(node.children.size());
        for (std::size_t i = 1; i < node.children.size(); ++i) {
            if (node.children[i] == nullptr) {
                given.push_back(nullptr);
                continue;
            }
            SERIN_TRY(Value value, run(*node.children[i]));
            rest.push_back(std::move(value));
            given.push_back(&rest.back());
        }
        if (is_slice) return cut(budget_, of, given[0], given[1]);
        if (node.kind == NodeKind::member) {
            SERIN_TRY_DO(budget_.work(given[0]->weight() / 64));
            return pick(of, *given[0]);
        }
        if (given.size() > 1) return fail(ErrorKind::invalid, "too many arguments");
        return call_method(node.name, of, given.empty() ? nullptr : given[0]);
    }

    // Where a part before ?. was nil, the rest of the chain is left out.
    Result<Value> run_chain(const Node& node) {
        SERIN_TRY(Value value, run(*node.children[0]));
        if (!std::exchange(is_cut_, false)) return value;
        return Value();
    }

    Result<Value> run_call(const Node& node) {
        std::vector<Value> arguments;
        arguments.reserve(node.children.size());
        for (const NodePointer& child : node.children) {
            SERIN_TRY(Value value, run(*child));
            arguments.push_back(std::move(value));
        }
        return node.builtin->function(
            {.result = result_, .now = now_, .budget = budget_}, arguments);
    }

    Result<Value> run_let(const Node& node) {
        SERIN_TRY(Value value, run(*node.children[0]));
        variables_.emplace_back(node.name, std::move(value));
        auto rest = run(*node.children[1]);
        variables_.pop_back();
        return rest;
    }

    Result<Value> run_sequence(const Node& node) {
        Value last;
        for (const NodePointer& child : node.children) {
            SERIN_TRY(last, run(*child));
        }
        return last;
    }

    Result<Value> run_predicate(const Node& predicate, Scope& scope) {
        Scope* outer = std::exchange(scope_, &scope);
        auto value = run(predicate);
        scope_ = outer;
        return value;
    }

    Result<bool> holds(const Node& node, Scope& scope) {
        SERIN_TRY(const Value value, run_predicate(*node.children[1], scope));
        if (!value.is(Kind::boolean)) return no_bool(node.name, value);
        return value.boolean();
    }

    Result<Value> run_loop(const Node& node) {
        SERIN_TRY(const Value list, run(*node.children[0]));
        if (!list.is(Kind::list)) {
            return fail(
                ErrorKind::invalid,
                fmt::format("{} takes an array, but got {}", node.name, go_type(list.kind())));
        }
        const std::vector<Value>& items = list.items();
        switch (node.builtin->loop) {
            case Loop::all:
            case Loop::any:
            case Loop::one:
            case Loop::none_of:
            case Loop::count:
                return run_count(node, items);
            case Loop::find:
            case Loop::find_index:
            case Loop::find_last:
            case Loop::find_last_index:
                return run_find(node, items);
            case Loop::map:
            case Loop::filter:
            case Loop::sort_by:
            case Loop::group_by:
                return run_transform(node, items);
            case Loop::sum:
                return run_sum(node, items);
            case Loop::reduce:
                return run_reduce(node, items);
            case Loop::none:
                break;
        }
        std::abort();
    }

    Result<Value> run_count(const Node& node, const std::vector<Value>& items) {
        const Loop loop = node.builtin->loop;
        Scope scope;
        std::int64_t count = 0;
        for (const Value& item : items) {
            scope.item = item;
            bool is_counted = false;
            if (node.children.size() == 1) {
                SERIN_TRY_DO(budget_.work(1));
                if (!item.is(Kind::boolean)) return no_bool(node.name, item);
                is_counted = item.boolean();
            } else {
                SERIN_TRY(is_counted, holds(node, scope));
            }
            if (loop == Loop::all && !is_counted) return Value(false);
            if (loop == Loop::any && is_counted) return Value(true);
            if (loop == Loop::none_of && is_counted) return Value(false);
            count += is_counted ? 1 : 0;
            ++scope.index;
        }
        if (loop == Loop::count) return Value(count);
        if (loop == Loop::one) return Value(count == 1);
        return Value(loop != Loop::any);
    }

    Result<Value> run_find(const Node& node, const std::vector<Value>& items) {
        const Loop loop = node.builtin->loop;
        const bool is_backward = loop == Loop::find_last || loop == Loop::find_last_index;
        for (std::size_t i = 0; i < items.size(); ++i) {
            const std::size_t place = is_backward ? items.size() - 1 - i : i;
            Scope scope{.item = items[place], .index = static_cast<std::int64_t>(place)};
            SERIN_TRY(const bool is_found, holds(node, scope));
            if (!is_found) continue;
            const bool is_index = loop == Loop::find_index || loop == Loop::find_last_index;
            return is_index ? Value(scope.index) : items[place];
        }
        return Value();
    }

    Result<Value> run_transform(const Node& node, const std::vector<Value>& items) {
        const Loop loop = node.builtin->loop;
        std::vector<Value> out;
        Scope scope;
        for (const Value& item : items) {
            scope.item = item;
            if (loop == Loop::filter) {
                SERIN_TRY(const bool is_kept, holds(node, scope));
                if (is_kept) out.push_back(item);
            } else {
                SERIN_TRY(Value value, run_predicate(*node.children[1], scope));
                out.push_back(std::move(value));
            }
            SERIN_TRY_DO(budget_.memory(2 * sizeof(Value)));
            ++scope.index;
        }
        if (loop == Loop::sort_by) return sort_by(node, out, items);
        if (loop == Loop::group_by) return group_by(out, items);
        return budget_.keep(Value(std::move(out)));
    }

    Result<Value> sort_by(
        const Node& node, const std::vector<Value>& keys, const std::vector<Value>& items) {
        if (node.children.size() < 3) return sorted(budget_, keys, items, "asc");
        SERIN_TRY(const Value order, run(*node.children[2]));
        if (!order.is(Kind::text)) return bad_argument("sortBy", order);
        return sorted(budget_, keys, items, order.text());
    }

    Result<Value> group_by(const std::vector<Value>& keys, const std::vector<Value>& items) {
        std::map<Value, std::vector<Value>> groups;
        for (std::size_t i = 0; i < items.size(); ++i) {
            SERIN_TRY_DO(budget_.work(keys[i].weight()));
            SERIN_TRY_DO(budget_.memory(4 * sizeof(Value)));
            groups[keys[i]].push_back(items[i]);
        }
        std::map<Value, Value> out;
        for (auto& [key, group] : groups) out.emplace(key, Value(std::move(group)));
        return budget_.keep(Value(std::move(out)));
    }

    Result<Value> run_sum(const Node& node, const std::vector<Value>& items) {
        Value total(std::int64_t{0});
        Scope scope;
        for (const Value& item : items) {
            SERIN_TRY_DO(budget_.work(1));
            Value value = item;
            if (node.children.size() > 1) {
                scope.item = item;
                SERIN_TRY(value, run_predicate(*node.children[1], scope));
                ++scope.index;
            }
            SERIN_TRY(total, add(budget_, total, value));
        }
        return total;
    }

    Result<Value> run_reduce(const Node& node, const std::vector<Value>& items) {
        Scope scope;
        std::size_t at = 0;
        if (node.children.size() > 2) {
            SERIN_TRY(scope.accumulated, run(*node.children[2]));
        } else {
            if (items.empty()) {
                return fail(ErrorKind::invalid, "reduce of empty array with no initial value");
            }
            scope.accumulated = items[at++];
        }
        for (; at < items.size(); ++at) {
            scope.item = items[at];
            scope.index = static_cast<std::int64_t>(at);
            SERIN_TRY(scope.accumulated, run_predicate(*node.children[1], scope));
        }
        return scope.accumulated;
    }

    const Value& result_;
    Instant now_;
    Budget budget_;
    Scope* scope_ = nullptr;
    std::vector<std::pair<std::string_view, Value>> variables_;
    bool is_cut_ = false;
};

}  // namespace

Result<Value> evaluate_tree(const Node& root, const Value& result, Instant now) {
    return Evaluator(result, now).run(root);
}

}  // namespace serin::expr
