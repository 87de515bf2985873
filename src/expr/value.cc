#include "expr/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>

namespace serin::expr {

namespace {

template <class Values>
void measure(const Values& values, std::size_t& weight, int& depth) {
    for (const Value& value : values) {
        weight += value.weight();
        depth = std::max(depth, 1 + value.depth());
    }
}

// The shortest text that reads back, with an exponent where Go has one.
std::string go_number(double number) {
    if (std::isnan(number)) return "NaN";
    if (std::isinf(number)) return number > 0 ? "+Inf" : "-Inf";
    const double size = std::abs(number);
    std::array<char, 64> buffer{};
    const bool is_plain = number == 0 || (size >= 1e-4 && size < 1e6);
    const auto format = is_plain ? std::chars_format::fixed : std::chars_format::scientific;
    const auto end =
        std::to_chars(buffer.data(), buffer.data() + buffer.size(), number, format).ptr;
    return {buffer.data(), end};
}

}  // namespace

Value::Value(std::vector<Value> items) {
    auto list = std::make_shared<List>();
    list->weight = sizeof(Value);
    list->depth = 1;
    measure(items, list->weight, list->depth);
    list->items = std::move(items);
    data_ = ListPointer(std::move(list));
}

Value::Value(std::map<Value, Value> members) {
    auto map = std::make_shared<Map>();
    map->weight = sizeof(Value);
    map->depth = 1;
    for (const auto& [key, value] : members) {
        map->weight += key.weight() + value.weight();
        map->depth = std::max({map->depth, 1 + key.depth(), 1 + value.depth()});
    }
    map->members = std::move(members);
    data_ = MapPointer(std::move(map));
}

double Value::number() const {
    if (is(Kind::integer)) return static_cast<double>(integer());
    return std::get<double>(data_);
}

const std::vector<Value>& Value::items() const {
    return std::get<ListPointer>(data_)->items;
}

const std::map<Value, Value>& Value::members() const {
    return std::get<MapPointer>(data_)->members;
}

std::size_t Value::weight() const {
    if (is(Kind::text)) return sizeof(Value) + text().size();
    if (is(Kind::list)) return std::get<ListPointer>(data_)->weight;
    if (is(Kind::map)) return std::get<MapPointer>(data_)->weight;
    return sizeof(Value);
}

int Value::depth() const {
    if (is(Kind::list)) return std::get<ListPointer>(data_)->depth;
    if (is(Kind::map)) return std::get<MapPointer>(data_)->depth;
    return 0;
}

std::strong_ordering operator<=>(const Value& left, const Value& right) {
    if (const auto order = left.kind() <=> right.kind(); order != 0) return order;
    switch (left.kind()) {
        case Kind::nil:
            return std::strong_ordering::equal;
        case Kind::boolean:
            return left.boolean() <=> right.boolean();
        case Kind::integer:
            return left.integer() <=> right.integer();
        case Kind::real:
            return std::strong_order(left.number(), right.number());
        case Kind::text:
            return left.text() <=> right.text();
        case Kind::list:
            return std::lexicographical_compare_three_way(
                left.items().begin(),
                left.items().end(),
                right.items().begin(),
                right.items().end());
        case Kind::map:
            return std::lexicographical_compare_three_way(
                left.members().begin(),
                left.members().end(),
                right.members().begin(),
                right.members().end());
        case Kind::time:
            return left.time() <=> right.time();
        case Kind::duration:
            return left.duration() <=> right.duration();
    }
    std::abort();
}

Value from_json(const json::Value& value, Numbers numbers) {
    if (const auto* flag = value.if_bool()) return Value(*flag);
    if (const auto* number = value.if_int64();
        number != nullptr && numbers == Numbers::as_written) {
        return Value(*number);
    }
    if (const auto number = json::number(&value)) return Value(*number);
    if (const auto content = json::text(&value)) return Value(std::string(*content));
    if (const json::Array* array = value.if_array()) {
        std::vector<Value> items;
        items.reserve(array->size());
        for (const json::Value& item : *array) items.push_back(from_json(item, numbers));
        return Value(std::move(items));
    }
    if (const json::Object* object = value.if_object()) {
        std::map<Value, Value> members;
        for (const auto& member : *object) {
            members.emplace(Value(std::string(member.key())), from_json(member.value(), numbers));
        }
        return Value(std::move(members));
    }
    return {};
}

json::Value to_json(const Value& value) {
    switch (value.kind()) {
        case Kind::nil:
            return nullptr;
        case Kind::boolean:
            return value.boolean();
        case Kind::integer:
            return value.integer();
        case Kind::real:
            if (!std::isfinite(value.number())) return nullptr;
            return value.number();
        case Kind::text:
            return json::string(value.text());
        case Kind::list: {
            json::Array items;
            for (const Value& item : value.items()) items.push_back(to_json(item));
            return items;
        }
        case Kind::map: {
            json::Object members;
            for (const auto& [key, member] : value.members()) {
                members[go_text(key)] = to_json(member);
            }
            return members;
        }
        case Kind::time:
        case Kind::duration:
            return json::string(go_text(value));
    }
    std::abort();
}

std::string_view go_type(Kind kind) {
    switch (kind) {
        case Kind::nil:
            return "<nil>";
        case Kind::boolean:
            return "bool";
        case Kind::integer:
            return "int";
        case Kind::real:
            return "float64";
        case Kind::text:
            return "string";
        case Kind::list:
            return "[]interface {}";
        case Kind::map:
            return "map[string]interface {}";
        case Kind::time:
            return "time.Time";
        case Kind::duration:
            return "time.Duration";
    }
    std::abort();
}

std::string go_text(const Value& value) {
    std::string out;
    switch (value.kind()) {
        case Kind::nil:
            return "<nil>";
        case Kind::boolean:
            return value.boolean() ? "true" : "false";
        case Kind::integer:
            return std::to_string(value.integer());
        case Kind::real:
            return go_number(value.number());
        case Kind::text:
            return value.text();
        case Kind::list:
            for (const Value& item : value.items()) out += (out.empty() ? "" : " ") + go_text(item);
            return "[" + out + "]";
        case Kind::map:
            for (const auto& [key, member] : value.members()) {
                out += (out.empty() ? "" : " ") + go_text(key) + ":" + go_text(member);
            }
            return "map[" + out + "]";
        case Kind::time:
            return format_time_precise(value.time());
        case Kind::duration:
            return format_duration(value.duration());
    }
    std::abort();
}

bool equal(const Value& left, const Value& right) {
    if (left.is_number() && right.is_number()) {
        if (left.is(Kind::integer) && right.is(Kind::integer)) {
            return left.integer() == right.integer();
        }
        return left.number() == right.number();
    }
    if (left.kind() != right.kind()) return false;
    if (left.is(Kind::list)) return std::ranges::equal(left.items(), right.items(), equal);
    if (left.is(Kind::map)) {
        return std::ranges::equal(
            left.members(), right.members(), [](const auto& one, const auto& other) {
                return one.first == other.first && equal(one.second, other.second);
            });
    }
    return left == right;
}

}  // namespace serin::expr
