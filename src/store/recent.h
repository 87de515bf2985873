#pragma once

#include "ports/object.h"

#include <cstddef>
#include <cstdint>
#include <list>
#include <unordered_map>

namespace serin::store {

// Objects that were read or written lately, parsed: a turn reads the same few again and again.
class Recent {
public:
    // `size_max` bounds the sizes of all it keeps.
    explicit Recent(std::size_t size_max) : size_max_(size_max) {}

    // Null when it is not kept; good until the next call that is not const.
    const Object* find(std::int64_t id);
    // `size` is that of the object's text; what it takes parsed is a small multiple.
    void put(std::int64_t id, const Object& object, std::size_t size);
    void erase(std::int64_t id);

private:
    struct Item {
        std::int64_t id = 0;
        Object object;
        std::size_t size = 0;
    };
    std::size_t size_max_;
    std::size_t size_ = 0;
    std::list<Item> items_;  // The latest used first.
    std::unordered_map<std::int64_t, std::list<Item>::iterator> places_;
};

}  // namespace serin::store
