#include "expr/builtins.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace serin::expr {

namespace {

Result<> need_list(std::string_view name, const Value& value) {
    if (!value.is(Kind::list)) return bad_argument(name, value);
    return {};
}

Result<Value> keep(const Surroundings& around, std::vector<Value> items) {
    SERIN_TRY_DO(around.budget.memory(items.size() * sizeof(Value)));
    return around.budget.keep(Value(std::move(items)));
}

Result<Value> call_len(const Surroundings& around, Arguments given) {
    const Value& value = given[0];
    std::size_t length = 0;
    if (value.is(Kind::list)) {
        length = value.items().size();
    } else if (value.is(Kind::map)) {
        length = value.members().size();
    } else if (value.is(Kind::text)) {
        SERIN_TRY_DO(around.budget.work(value.text().size() / 16));
        length = static_cast<std::size_t>(std::ranges::count_if(
            value.text(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; }));
    } else {
        return bad_argument("len", value);
    }
    return Value(static_cast<std::int64_t>(length));
}

Result<Value> call_first(const Surroundings&, Arguments given) {
    SERIN_TRY_DO(need_list("first", given[0]));
    return given[0].items().empty() ? Value() : given[0].items().front();
}

Result<Value> call_last(const Surroundings&, Arguments given) {
    SERIN_TRY_DO(need_list("last", given[0]));
    return given[0].items().empty() ? Value() : given[0].items().back();
}

// Unlike an index, nil where there is nothing.
Result<Value> call_get(const Surroundings&, Arguments given) {
    if (given[0].is(Kind::map)) {
        const auto found = given[0].members().find(given[1]);
        return found == given[0].members().end() ? Value() : found->second;
    }
    if (!given[0].is(Kind::list)) return Value();
    SERIN_TRY(const std::int64_t wanted, to_integer(given[1]));
    const auto size = static_cast<std::int64_t>(given[0].items().size());
    const std::int64_t index = wanted < 0 ? wanted + size : wanted;
    if (index < 0 || index >= size) return Value();
    return given[0].items()[static_cast<std::size_t>(index)];
}

Result<Value> call_take(const Surroundings& around, Arguments given) {
    SERIN_TRY_DO(need_list("take", given[0]));
    if (!given[1].is(Kind::integer)) return bad_argument("take", given[1]);
    const std::int64_t count = given[1].integer();
    if (count < 0) {
        return fail(ErrorKind::invalid, fmt::format("cannot take {} elements", count));
    }
    const std::vector<Value>& items = given[0].items();
    const auto size = std::min(static_cast<std::size_t>(count), items.size());
    return keep(around, {items.begin(), items.begin() + static_cast<std::ptrdiff_t>(size)});
}

Result<Value> call_keys(const Surroundings& around, Arguments given) {
    if (!given[0].is(Kind::map)) return bad_argument("keys", given[0]);
    std::vector<Value> out;
    for (const auto& [key, value] : given[0].members()) out.push_back(key);
    return keep(around, std::move(out));
}

Result<Value> call_values(const Surroundings& around, Arguments given) {
    if (!given[0].is(Kind::map)) return bad_argument("values", given[0]);
    std::vector<Value> out;
    for (const auto& [key, value] : given[0].members()) out.push_back(value);
    return keep(around, std::move(out));
}

Result<Value> call_to_pairs(const Surroundings& around, Arguments given) {
    if (!given[0].is(Kind::map)) return bad_argument("toPairs", given[0]);
    SERIN_TRY_DO(around.budget.memory(given[0].members().size() * 4 * sizeof(Value)));
    std::vector<Value> out;
    for (const auto& [key, value] : given[0].members()) out.emplace_back(std::vector{key, value});
    return keep(around, std::move(out));
}

Result<Value> call_from_pairs(const Surroundings& around, Arguments given) {
    SERIN_TRY_DO(need_list("fromPairs", given[0]));
    SERIN_TRY_DO(around.budget.memory(given[0].items().size() * 4 * sizeof(Value)));
    std::map<Value, Value> out;
    for (const Value& pair : given[0].items()) {
        if (!pair.is(Kind::list) || pair.items().size() != 2) {
            return fail(ErrorKind::invalid, fmt::format("invalid pair {}", go_type(pair.kind())));
        }
        SERIN_TRY_DO(around.budget.work(pair.items()[0].weight()));
        out.insert_or_assign(pair.items()[0], pair.items()[1]);
    }
    return around.budget.keep(Value(std::move(out)));
}

Result<Value> call_reverse(const Surroundings& around, Arguments given) {
    SERIN_TRY_DO(need_list("reverse", given[0]));
    return keep(around, {given[0].items().rbegin(), given[0].items().rend()});
}

Result<Value> call_uniq(const Surroundings& around, Arguments given) {
    SERIN_TRY_DO(need_list("uniq", given[0]));
    std::vector<Value> out;
    for (const Value& item : given[0].items()) {
        SERIN_TRY_DO(around.budget.work((out.size() + 1) * (1 + item.weight() / sizeof(Value))));
        const bool is_known =
            std::ranges::any_of(out, [&](const Value& other) { return equal(item, other); });
        if (!is_known) out.push_back(item);
    }
    return keep(around, std::move(out));
}

Result<Value> call_concat(const Surroundings& around, Arguments given) {
    std::vector<Value> out;
    for (const Value& list : given) {
        SERIN_TRY_DO(need_list("concat", list));
        SERIN_TRY_DO(around.budget.memory(list.items().size() * sizeof(Value)));
        out.insert(out.end(), list.items().begin(), list.items().end());
    }
    return around.budget.keep(Value(std::move(out)));
}

Result<> flatten(const Surroundings& around, const Value& list, std::vector<Value>& out) {
    SERIN_TRY_DO(around.budget.memory((1 + list.items().size()) * sizeof(Value)));
    for (const Value& item : list.items()) {
        if (item.is(Kind::list)) {
            SERIN_TRY_DO(flatten(around, item, out));
        } else {
            out.push_back(item);
        }
    }
    return {};
}

Result<Value> call_flatten(const Surroundings& around, Arguments given) {
    SERIN_TRY_DO(need_list("flatten", given[0]));
    std::vector<Value> out;
    SERIN_TRY_DO(flatten(around, given[0], out));
    return around.budget.keep(Value(std::move(out)));
}

Result<Value> call_sort(const Surroundings& around, Arguments given) {
    SERIN_TRY_DO(need_list("sort", given[0]));
    if (given.size() > 1 && !given[1].is(Kind::text)) return bad_argument("sort", given[1]);
    return sorted(
        around.budget,
        given[0].items(),
        given[0].items(),
        given.size() > 1 ? std::string_view(given[1].text()) : "asc");
}

constexpr std::array<Builtin, 14> table{{
    {"len", 1, 1, Type::integer, call_len},
    {"first", 1, 1, Type::unknown, call_first},
    {"last", 1, 1, Type::unknown, call_last},
    {"get", 2, 2, Type::unknown, call_get},
    {"take", 2, 2, Type::list, call_take},
    {"keys", 1, 1, Type::list, call_keys},
    {"values", 1, 1, Type::list, call_values},
    {"toPairs", 1, 1, Type::list, call_to_pairs},
    {"fromPairs", 1, 1, Type::unknown, call_from_pairs},
    {"reverse", 1, 1, Type::list, call_reverse},
    {"uniq", 1, 1, Type::list, call_uniq},
    {"concat", 1, any_number, Type::list, call_concat},
    {"flatten", 1, 1, Type::list, call_flatten},
    {"sort", 1, 2, Type::list, call_sort},
}};

}  // namespace

std::span<const Builtin> list_builtins() {
    return table;
}

}  // namespace serin::expr
