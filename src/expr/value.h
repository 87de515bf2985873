#pragma once

#include "base/json.h"
#include "base/time.h"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

// A value of the condition language. It is immutable and cheap to copy: texts, lists and maps are
// shared. Unlike JSON it tells nil, NaN and infinity, times and durations apart.

namespace serin::expr {

struct List;
struct Map;

using Text = std::shared_ptr<const std::string>;
using ListPointer = std::shared_ptr<const List>;
using MapPointer = std::shared_ptr<const Map>;

// In the order of the variant below.
enum class Kind { nil, boolean, integer, real, text, list, map, time, duration };

class Value {
public:
    using Data = std::variant<
        std::monostate,
        bool,
        std::int64_t,
        double,
        Text,
        ListPointer,
        MapPointer,
        Instant,
        Duration>;

    Value() = default;  // Nil.
    explicit Value(bool value) : data_(value) {}
    explicit Value(std::int64_t value) : data_(value) {}
    explicit Value(double value) : data_(value) {}
    explicit Value(std::string value)
        : data_(std::make_shared<const std::string>(std::move(value))) {}
    explicit Value(std::vector<Value> items);
    explicit Value(std::map<Value, Value> members);
    explicit Value(Instant value) : data_(value) {}
    explicit Value(Duration value) : data_(value) {}

    Kind kind() const { return static_cast<Kind>(data_.index()); }
    bool is(Kind kind) const { return this->kind() == kind; }
    bool is_number() const { return is(Kind::integer) || is(Kind::real); }

    // REQUIRES for each: the value is of that kind; `number` takes both kinds of number.
    bool boolean() const { return std::get<bool>(data_); }
    std::int64_t integer() const { return std::get<std::int64_t>(data_); }
    double number() const;
    const std::string& text() const { return *std::get<Text>(data_); }
    const std::vector<Value>& items() const;
    const std::map<Value, Value>& members() const;
    Instant time() const { return std::get<Instant>(data_); }
    Duration duration() const { return std::get<Duration>(data_); }

    // How large the value is when written out, nested values included.
    std::size_t weight() const;
    // Nested levels: 0 for a scalar.
    int depth() const;

    // An order for map keys, by kind first: it is not the order that `<` of the language has.
    friend std::strong_ordering operator<=>(const Value& left, const Value& right);
    friend bool operator==(const Value& left, const Value& right) {
        return (left <=> right) == std::strong_ordering::equal;
    }

private:
    Data data_;
};

struct List {
    std::vector<Value> items;
    std::size_t weight = 0;
    int depth = 0;
};

struct Map {
    std::map<Value, Value> members;
    std::size_t weight = 0;
    int depth = 0;
};

// Numbers of measured JSON are floats, as Go decodes them; `as_written` tells integers apart.
enum class Numbers { as_floats, as_written };

// REQUIRES: nested less than some thousand levels, as everything `json::parse` reads is.
Value from_json(const json::Value& value, Numbers numbers = Numbers::as_floats);
// NaN, infinities and nil become null, times and durations text.
json::Value to_json(const Value& value);

// Go's name of the type, as error messages show it: "float64", "[]interface {}", "<nil>".
std::string_view go_type(Kind kind);
// As Go's %v prints: "[1 2.5 <nil>]", "map[a:1]".
std::string go_text(const Value& value);

// The language's ==: numbers by value across types, lists and maps by content.
bool equal(const Value& left, const Value& right);

}  // namespace serin::expr
