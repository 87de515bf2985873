#include "expr/json_path.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <string>

using namespace serin;
using expr::JsonPath;

namespace {

const json::Value& document() {
    static const json::Value value = *json::parse(
        R"({"data": {"rate": 0.5, "a.b": 1, "it's": 2},
            "items": [{"name": "x", "v": 1}, {"name": "y", "v": 2}, {"v": 3}],
            "limit": 2, "deep": {"name": "z"}})");
    return value;
}

std::string all(std::string_view text) {
    const auto path = JsonPath::parse(text);
    if (!path) return path.error().message;
    const auto found = path->find(document());
    if (!found) return found.error().message;
    std::string out;
    for (const json::Value* value : *found) out += (out.empty() ? "" : " ") + json::print(*value);
    return out;
}

}  // namespace

TEST_CASE("a path leads to its values") {
    CHECK(all("{$.data.rate}") == "0.5");
    CHECK(all("{.data.rate}") == "0.5");
    CHECK(all("$.data.rate") == "0.5");
    CHECK(all("{data.rate}") == "0.5");
    CHECK(all("{$['data']['rate']}") == "0.5");
    CHECK(all("{$.data.a\\.b}") == "1");
    CHECK(all("{$.data['a.b']}") == "1");
    CHECK(all("{$.data['it\\'s']}") == "2");
    CHECK(all("{$.items[0].name}") == "\"x\"");
    CHECK(all("{$.items[-1].v}") == "3");
    CHECK(all("{$.items[*].v}") == "1 2 3");
    CHECK(all("{$.items[*].name}") == "\"x\" \"y\"");
    CHECK(all("{$.items[0:2].v}") == "1 2");
    CHECK(all("{$.items[::2].v}") == "1 3");
    CHECK(all("{$.items[-2:].v}") == "2 3");
    CHECK(all("{$.items[0,2].v}") == "1 3");
    CHECK(all("{$.data['rate', 'a.b']}") == "0.5 1");
    CHECK(all("{$..name}") == "\"x\" \"y\" \"z\"");
    CHECK(all("{$.data.*}") == "0.5 1 2");
    CHECK(all("{$.items[?(@.name == \"y\")].v}") == "2");
    CHECK(all("{$.items[?(@.name=='y')].v}") == "2");
    CHECK(all("{$.items[?(@.name)].v}") == "1 2");
    CHECK(all("{$.items[?(@.v >= 2)].v}") == "2 3");
    CHECK(all("{$.items[?(@.v != 2)].v}") == "1 3");
    CHECK(all("{$.items[?(@.v == $.limit)].name}") == "\"y\"");
    CHECK(all("{$}") == json::print(document()));
}

TEST_CASE("what is not there is told") {
    CHECK(all("{$.data.nothing}") == "nothing is not found");
    CHECK(all("{$.limit.x}") == "x is not found");
    CHECK(all("{$.items[7]}") == "array index out of bounds: index 7, length 3");
    CHECK(all("{$.data[0]}") == "[0] is not found: no array");
    const auto path = JsonPath::parse("{$.items[?(@.v > 9)]}");
    REQUIRE(path);
    CHECK(path->first(document()).error().kind == ErrorKind::not_found);
    CHECK(path->first(document()).error().message == "the path leads to no value");
}

TEST_CASE("what is no path is refused with its place") {
    CHECK(all("{$.data") == "not a JSONPath: expected '}' at column 8");
    CHECK(all("{$.data}x") == "not a JSONPath: unexpected text at column 9");
    CHECK(
        all("{$.items[}") ==
        "not a JSONPath: expected an index, a quoted name, '*' or '?(' at column 10");
    CHECK(all("{$.items[0}") == "not a JSONPath: expected ']' at column 11");
    CHECK(
        all("{$.items[::0]}") ==
        "not a JSONPath: the step of a slice has to be positive at column 13");
    CHECK(all("{$.data['x}") == "not a JSONPath: the quote is never closed at column 12");
    CHECK(
        all("{$.items[?(@.v ~ 1)]}") ==
        "not a JSONPath: expected ')' or a comparison at column 16");
    CHECK(
        all("{$.items[99999999999999999999]}") ==
        "not a JSONPath: the number is too large at column 10");
}

TEST_CASE("any text is a path or refused, and matches stay bounded") {
    CHECK(rc::check([] {
        const auto text = *rc::gen::container<std::string>(
            rc::gen::elementOf(std::string("{}$.[]'\"*?(@)=<>0123-:,namev\\ ")));
        all(text);
    }));
    json::Array row;
    for (int i = 0; i < 100; ++i) row.push_back(json::Array(100, json::Value(i)));
    const auto path = JsonPath::parse("$..*..*..*..*");
    REQUIRE(path);
    CHECK(
        path->find(json::Value(json::Array(100, row))).error().message ==
        "the path has too many matches");
}
