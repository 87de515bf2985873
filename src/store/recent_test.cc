#include "store/recent.h"

#include <doctest/doctest.h>

#include <string>

namespace serin::store {

namespace {

Object named(std::string_view name) {
    return Object(types::pod(), "default", name);
}

std::string name_of(Recent& recent, std::int64_t id) {
    const Object* object = recent.find(id);
    return object == nullptr ? "" : std::string(object->name());
}

}  // namespace

TEST_CASE("what was used last is kept, the rest goes when there is too much") {
    Recent recent(30);
    recent.put(1, named("one"), 10);
    recent.put(2, named("two"), 10);
    recent.put(3, named("three"), 10);
    CHECK(name_of(recent, 1) == "one");
    recent.put(4, named("four"), 10);
    CHECK(name_of(recent, 1) == "one");
    CHECK(name_of(recent, 2).empty());
    CHECK(name_of(recent, 3) == "three");
    CHECK(name_of(recent, 4) == "four");
}

TEST_CASE("an object is replaced and forgotten") {
    Recent recent(30);
    recent.put(1, named("one"), 20);
    recent.put(1, named("another"), 30);
    CHECK(name_of(recent, 1) == "another");
    recent.erase(1);
    recent.erase(1);
    CHECK(name_of(recent, 1).empty());
    recent.put(2, named("two"), 30);
    CHECK(name_of(recent, 2) == "two");
}

TEST_CASE("what is larger than all the room is not kept") {
    Recent recent(30);
    recent.put(1, named("one"), 31);
    CHECK(name_of(recent, 1).empty());
    recent.put(2, named("two"), 30);
    CHECK(name_of(recent, 2) == "two");
}

}  // namespace serin::store
