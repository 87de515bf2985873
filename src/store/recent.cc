#include "store/recent.h"

namespace serin::store {

const Object* Recent::find(std::int64_t id) {
    const auto place = places_.find(id);
    if (place == places_.end()) return nullptr;
    items_.splice(items_.begin(), items_, place->second);
    return &place->second->object;
}

void Recent::put(std::int64_t id, const Object& object, std::size_t size) {
    erase(id);
    items_.push_front({.id = id, .object = object, .size = size});
    places_[id] = items_.begin();
    size_ += size;
    while (size_ > size_max_) erase(items_.back().id);
}

void Recent::erase(std::int64_t id) {
    const auto place = places_.find(id);
    if (place == places_.end()) return;
    size_ -= place->second->size;
    items_.erase(place->second);
    places_.erase(place);
}

}  // namespace serin::store
