#pragma once

#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

// Structured logs for operators, event first: log::info("weight_set", {{"release", id}}). Proof
// goes to the evidence log: nothing is only logged. Callers never pass secrets.

namespace serin::log {

enum class Level { debug, info, warning, error };
enum class Form { text, json };

// A value printed into a field; numbers and booleans stay unquoted in JSON.
struct FieldValue {
    std::string text;
    bool is_bare = false;

    FieldValue(std::string value) : text(std::move(value)) {}
    FieldValue(std::string_view value) : text(value) {}
    FieldValue(const char* value) : text(value) {}
    FieldValue(bool value) : text(value ? "true" : "false"), is_bare(true) {}
    FieldValue(double value);
    template <std::integral T>
        requires(!std::same_as<T, bool>)
    FieldValue(T value) : text(std::to_string(value)), is_bare(true) {}
};

struct Field {
    std::string_view name;
    FieldValue value;
};

using Fields = std::initializer_list<Field>;

// Process-wide, set once at start; before that logs go to standard error as text from `info` up.
void configure(Level least, Form form);

void debug(std::string_view event, Fields fields = {});
void info(std::string_view event, Fields fields = {});
void warning(std::string_view event, Fields fields = {});
void error(std::string_view event, Fields fields = {});

}  // namespace serin::log
