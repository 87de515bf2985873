#include "ports/observed.h"

#include <doctest/doctest.h>

namespace serin {
namespace {

ObservedRead read(std::string_view annotation, std::string_view value) {
    Object route(types::http_route(), "default", "shop");
    route.set_annotation(annotation, value);
    return read_observed(route);
}

}  // namespace

TEST_CASE("a route names the headers and the user that are to be observed") {
    CHECK(read("other", "x").observed.is_nothing());
    const auto headers = read(observe_request_headers, " X-Client-Version,x-platform ,x-platform");
    CHECK(headers.problems.empty());
    CHECK(
        headers.observed.request_headers ==
        std::vector<std::string>{"x-client-version", "x-platform"});
    CHECK(
        read(observe_response_headers, "x-checkout").observed.response_headers ==
        std::vector<std::string>{"x-checkout"});

    const auto cookie = read(observe_user, "cookie Session").observed;
    CHECK(cookie.user_in == Observed::UserIn::cookie);
    CHECK(cookie.user == "Session");  // Names of cookies differ by case.
    const auto header = read(observe_user, "header Authorization");
    CHECK(header.problems.empty());  // Only a hash of it is kept.
    CHECK(header.observed.user == "authorization");
}

TEST_CASE("what must not or cannot be observed is refused and the rest is kept") {
    for (const char* name :
         {"Authorization",
          "cookie",
          "Set-Cookie",
          "x-api-key",
          "X-Auth-Token",
          "x-user-password"}) {
        const auto refused = read(observe_request_headers, std::string("x-platform, ") + name);
        REQUIRE(refused.problems.size() == 1);
        CHECK(refused.problems[0].annotation == observe_request_headers);
        CHECK(refused.problems[0].message.contains("may carry a secret"));
        CHECK(refused.observed.request_headers == std::vector<std::string>{"x-platform"});
    }
    for (const char* text : {"x-a)", "x a", "ü", "a\nb", "%[env(HOME)]"}) {
        CHECK(read(observe_response_headers, text).problems.size() == 1);
        CHECK(read(observe_response_headers, text).observed.is_nothing());
    }
    CHECK(read(observe_request_headers, "a,b,c,d,e").problems[0].message.contains("four"));
    CHECK(read(observe_user, "session").problems[0].message.contains("header NAME"));
    CHECK(read(observe_user, "cookie a b").problems[0].message.contains("not a name"));
    CHECK(read(observe_user, "query id").observed.is_nothing());
}

}  // namespace serin
