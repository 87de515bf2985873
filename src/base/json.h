#pragma once

#include "base/result.h"

#include <boost/json/value.hpp>

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// JSON as Boost.JSON's value types (members keep their order; int64, uint64 and double apart), with
// the few look-ups that documents of unknown shape need. Nothing here throws.

namespace serin::json {

using Value = boost::json::value;
using Object = boost::json::object;
using Array = boost::json::array;

// A string value; Boost's value type does not take a std::string_view by itself.
inline Value string(std::string_view text) {
    return Value(boost::json::string_view(text));
}

// Strict JSON. Fails with `invalid`, naming line and column.
Result<Value> parse(std::string_view text);

std::string print(const Value& value);
std::string print_object(const Object& object);
std::string print_pretty(const Value& value);  // Two spaces a level, no final newline.
// Members sorted by name, no white space: equal values print equally, so it can be hashed.
std::string print_canonical(const Value& value);
// Block style, ending with a newline; multi-line strings as literals; strings that would read as
// another type are quoted.
std::string print_yaml(const Value& value);

// The value at a JSON pointer ("/spec/replicas"), or null when a part of the way is missing.
const Value* find(const Value& root, std::string_view pointer);
const Value* find(const Object& root, std::string_view pointer);

// Null in, nothing out, so look-ups chain: text(find(root, "/metadata/name")).
std::optional<std::string_view> text(const Value* value);
std::optional<std::int64_t> integer(const Value* value);  // Also a double without a fraction.
std::optional<double> number(const Value* value);
std::optional<bool> boolean(const Value* value);
const Object* object(const Value* value);
const Array* array(const Value* value);

// Writes `value` at a pointer, making objects on the way. REQUIRES: no part of the way is an array
// or a scalar.
Value& put(Object& root, std::string_view pointer, Value value);
// Removes the member at a pointer; true if there was one.
bool erase(Object& root, std::string_view pointer);

// Escapes one reference token of a pointer: "a/b" -> "a~1b".
std::string escape_pointer(std::string_view token);

// Equality of JSON values by content: 1 equals 1.0, member order does not count.
bool same(const Value& left, const Value& right);
bool same_objects(const Object& left, const Object& right);

// An Object would turn into a Value by a deep copy: these spare it.
template <std::same_as<Object> T>
std::string print(const T& object) {
    return print_object(object);
}
template <std::same_as<Object> T>
bool same(const T& left, const T& right) {
    return same_objects(left, right);
}

}  // namespace serin::json
