#include "metrics/redirect.h"

#include <doctest/doctest.h>

#include <string>

using namespace serin;
using namespace serin::metrics;

namespace {

HttpResponse to(std::string location, int status = 302) {
    return {.status = status, .headers = {{"location", std::move(location)}}};
}

std::string followed(const HttpRequest& request, const HttpResponse& response) {
    const auto next = redirect_of(request, response);
    if (!next) return next.error().message;
    return next->value_or("an answer");
}

const HttpRequest plain{.url = "http://shop/a/b?x=1"};

HttpRequest with_key(std::string url) {
    return {.url = std::move(url), .headers = {{"X-Api-Key", "k"}}};
}

}  // namespace

TEST_CASE("a location is read as browsers read it") {
    CHECK(followed(plain, to("https://other/c?d")) == "https://other/c?d");
    CHECK(followed(plain, to("//other/c")) == "http://other/c");
    CHECK(followed(plain, to("/c")) == "http://shop/c");
    CHECK(followed(plain, to("c")) == "http://shop/a/c");
    CHECK(followed(plain, to("?x=2")) == "http://shop/a/b?x=2");
    CHECK(followed({.url = "http://shop"}, to("c")) == "http://shop/c");
    CHECK(followed({.url = "http://shop?q=/"}, to("/c")) == "http://shop/c");
    for (const int status : {301, 303, 307, 308})
        CHECK(followed(plain, to("/c", status)) == "http://shop/c");
}

TEST_CASE("what is no redirect is an answer") {
    CHECK(followed(plain, to("/c", 200)) == "an answer");
    CHECK(followed(plain, to("/c", 304)) == "an answer");
    CHECK(followed(plain, {.status = 302}) == "an answer");
}

TEST_CASE("what has headers goes to the same server only, or to the same host's TLS") {
    CHECK(followed(with_key("http://shop/a"), to("http://SHOP:80/b")) == "http://SHOP:80/b");
    CHECK(followed(with_key("http://shop/a"), to("https://shop/b")) == "https://shop/b");
    for (const char* elsewhere :
         {"http://evil/b",
          "http://shop:8080/b",
          "https://shop.evil/b",
          "//evil/b",
          "http://shop@evil/b"}) {
        CAPTURE(elsewhere);
        CHECK(followed(with_key("http://shop/a"), to(elsewhere)).contains("is not followed"));
    }
    CHECK(followed(with_key("https://shop/a"), to("http://shop/a")).contains("is not followed"));
    CHECK(followed({.url = "http://u:p@shop/"}, to("http://evil/")).contains("is not followed"));
    CHECK(
        followed(with_key("http://shop/a"), to("https://login.shop/in?token=t#f")) ==
        "received non 2xx response code: 302: redirected to https://login.shop:443/in, which is "
        "not followed: what is asked here is not for another host");
}

TEST_CASE("a question with a body is repeated only where the server says so") {
    const HttpRequest post{.method = "POST", .url = "http://prom/api", .body = "query=up"};
    CHECK(followed(post, to("https://prom/api", 308)) == "https://prom/api");
    CHECK(followed(post, to("https://prom/api", 307)) == "https://prom/api");
    CHECK(followed(post, to("http://evil/api", 307)).contains("is not followed"));
    CHECK(
        followed(post, to("https://prom/api", 301)) ==
        "received non 2xx response code: 301: redirected to https://prom:443/api, which is not "
        "followed: the question has a body; ask for that address");
}

TEST_CASE("other protocols are not spoken") {
    for (const char* location : {"file:///etc/passwd", "gopher://a/", "http://", "http:///x"}) {
        CAPTURE(location);
        const std::string told = followed(plain, to(location));
        CHECK((told.contains("is not followed") || told.starts_with("http://shop/")));
    }
}
