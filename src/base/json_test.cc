#include "base/json.h"

#include <doctest/doctest.h>

namespace serin::json {

TEST_CASE("a syntax error names its line and column") {
    const auto read = parse("{\n  \"a\": 1,\n  b\n}");
    REQUIRE_FALSE(read);
    CHECK(read.error().message.starts_with("not JSON at line 3, column"));
    CHECK_FALSE(parse(""));
    CHECK_FALSE(parse("{} {}"));
    CHECK(parse(" [1] \n"));
}

TEST_CASE("numbers print plainly and members keep their order") {
    const Value value = parse(R"({"b":0.5,"a":[1,2.0,null],"s":"x\"y"})").value();
    CHECK(print(value) == R"({"b":0.5,"a":[1,2,null],"s":"x\"y"})");
    CHECK(print_canonical(value) == R"({"a":[1,2,null],"b":0.5,"s":"x\"y"})");
    CHECK(
        print_pretty(value) ==
        "{\n  \"b\": 0.5,\n  \"a\": [\n    1,\n    2,\n    null\n  ],\n  \"s\": \"x\\\"y\"\n}");
}

TEST_CASE("pointers reach members and items, and missing ways give nothing") {
    const Value value = parse(R"({"a":{"b/c":[10,{"d":"x"}]}})").value();
    CHECK(integer(find(value, "/a/b~1c/0")) == 10);
    CHECK(text(find(value, "/a/b~1c/1/d")) == "x");
    CHECK(find(value, "/a/x/y") == nullptr);
    CHECK(find(value, "/a/b~1c/7") == nullptr);
    CHECK_FALSE(integer(find(value, "/a")));
}

TEST_CASE("put makes the way and erase removes one member") {
    Object root;
    put(root, "/spec/replicas", 3);
    CHECK(print(root) == R"({"spec":{"replicas":3}})");
    CHECK(erase(root, "/spec/replicas"));
    CHECK_FALSE(erase(root, "/spec/replicas"));
    CHECK_FALSE(erase(root, "/none/replicas"));
}

TEST_CASE("values are the same by content") {
    CHECK(same(parse(R"({"a":1,"b":[2]})").value(), parse(R"({"b":[2.0],"a":1.0})").value()));
    CHECK_FALSE(same(parse("[1,2]").value(), parse("[2,1]").value()));
    CHECK_FALSE(same(parse("\"1\"").value(), parse("1").value()));
}

}  // namespace serin::json
