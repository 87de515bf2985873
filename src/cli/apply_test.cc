#include "cli/apply.h"

#include <doctest/doctest.h>

namespace serin::cli {

namespace {

json::Object object(std::string_view text) {
    return json::parse(text).value().get_object();
}

std::string patch(std::string_view last, std::string_view live, std::string_view wanted) {
    return json::print(three_way_patch(object(last), object(live), object(wanted)));
}

}  // namespace

TEST_CASE("what the manifest says wins, what others have set stays") {
    CHECK(patch("{}", R"({"a":1,"status":{"x":1}})", R"({"a":2})") == R"({"a":2})");
    CHECK(patch("{}", R"({"spec":{"weight":5,"name":"x"}})", R"({"spec":{"name":"x"}})") == "{}");
}

TEST_CASE("a member that was applied and is no longer in the manifest is removed") {
    CHECK(
        patch(
            R"({"spec":{"a":1,"b":2}})",
            R"({"spec":{"a":1,"b":2,"c":3}})",
            R"({"spec":{"a":1}})") == R"({"spec":{"b":null}})");
    CHECK(patch(R"({"spec":{"b":2}})", R"({"spec":{}})", R"({"spec":{}})") == "{}");
}

TEST_CASE("lists are replaced whole, equal ones are left alone") {
    CHECK(patch("{}", R"({"l":[1,2]})", R"({"l":[1,2]})") == "{}");
    CHECK(patch("{}", R"({"l":[1,2]})", R"({"l":[2]})") == R"({"l":[2]})");
}

TEST_CASE("a list that the manifest has not changed keeps what a controller wrote into it") {
    CHECK(
        patch(
            R"({"refs":[{"name":"a"}]})",
            R"({"refs":[{"name":"a","weight":5}]})",
            R"({"refs":[{"name":"a"}]})") == "{}");
    CHECK(
        patch(
            R"({"refs":[{"name":"a"}]})",
            R"({"refs":[{"name":"a","weight":5}]})",
            R"({"refs":[{"name":"b"}]})") == R"({"refs":[{"name":"b"}]})");
}

}  // namespace serin::cli
