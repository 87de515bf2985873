#include "expr/template.h"

#include <doctest/doctest.h>

using namespace serin;
using expr::fill;

namespace {

std::string filled(std::string_view text) {
    const auto out = fill(*json::parse(text), {{"service", "shop"}, {"q", "a\"b\\{{args.q}}"}});
    return out ? json::print(*out) : out.error().message;
}

}  // namespace

TEST_CASE("arguments are put into every text, escaped as JSON has it") {
    CHECK(
        filled(
            R"({"a": ["{{args.service}}", 1, {"b": "x-{{ args.service }}-{{args.service}}"}]})") ==
        R"({"a":["shop",1,{"b":"x-shop-shop"}]})");
    CHECK(filled(R"({"{{args.service}}": null})") == R"({"shop":null})");
    CHECK(filled(R"("{{args.q}}")") == R"("a\"b\\{{args.q}}")");
    CHECK(filled(R"("no tag { } }}")") == R"("no tag { } }}")");
}

TEST_CASE("what cannot be resolved is an error") {
    CHECK(filled(R"("{{args.nothing}}")") == "failed to resolve {{args.nothing}}");
    CHECK(filled(R"("{{inputs.x}}")") == "failed to resolve {{inputs.x}}");
    CHECK(filled(R"("{{}}")") == "failed to resolve {{}}");
    CHECK(filled(R"("x {{args.service")") == "no \"}}\" after \"{{args.service\"");
}

TEST_CASE("the arguments used are listed") {
    const auto used = expr::arguments_used(
        *json::parse(R"({"a": "{{args.x}} {{ args.y }}", "b": ["{{args.x}}"]})"));
    REQUIRE(used);
    CHECK(*used == std::set<std::string>{"x", "y"});
    CHECK(!expr::arguments_used(json::string("{{foo}}")));
}
