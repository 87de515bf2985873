#pragma once

#include "base/json.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace serin::manifest {

// A place in an object and what stands there, so that a rule can follow fields that may be missing
// and still say where. A null counts as missing. It refers into the object.
class Part {
public:
    explicit Part(const json::Object& root) : root_(&root) {}

    Part operator[](std::string_view key) const {
        const json::Object* members = object();
        const json::Value* value = members ? members->if_contains(key) : nullptr;
        return {value, pointer_ + "/" + json::escape_pointer(key)};
    }
    Part operator[](std::size_t index) const {
        const json::Array* items = array();
        const json::Value* value = items && index < items->size() ? &(*items)[index] : nullptr;
        return {value, pointer_ + "/" + std::to_string(index)};
    }

    const std::string& pointer() const { return pointer_; }
    bool is_given() const { return root_ || (value_ && !value_->is_null()); }
    const json::Value* value() const { return value_; }

    const json::Object* object() const { return root_ ? root_ : json::object(value_); }
    const json::Array* array() const { return json::array(value_); }
    std::size_t size() const { return array() ? array()->size() : 0; }  // Of a list.
    std::string text() const { return std::string(json::text(value_).value_or("")); }
    std::optional<std::int64_t> integer() const { return json::integer(value_); }
    bool boolean() const { return json::boolean(value_).value_or(false); }

private:
    Part(const json::Value* value, std::string pointer)
        : value_(value), pointer_(std::move(pointer)) {}

    const json::Object* root_ = nullptr;  // Set only for the whole object.
    const json::Value* value_ = nullptr;
    std::string pointer_;
};

}  // namespace serin::manifest
