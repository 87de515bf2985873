#include "server/router.h"

#include <doctest/doctest.h>

namespace serin::server {

TEST_CASE("the most particular route wins, whatever the order they were added in") {
    Router router;
    for (const char* path : {"/*", "/a/*", "/a/b", "/a/b/*"}) {
        router.add({.method = "GET", .path = path});
    }
    router.add({.method = "*", .path = "/any/*"});
    const auto path = [&](std::string_view method, std::string_view wanted) {
        const Router::Match match = router.find(method, wanted);
        return match.route == nullptr ? "" : match.route->path;
    };
    CHECK(path("GET", "/a/b") == "/a/b");
    CHECK(path("HEAD", "/a/b") == "/a/b");
    CHECK(path("GET", "/a/b/c") == "/a/b/*");
    CHECK(path("GET", "/a/c") == "/a/*");
    CHECK(path("GET", "/") == "/*");
    CHECK(path("DELETE", "/any/x") == "/any/*");
    CHECK(path("POST", "/a/b") == "");
    CHECK(router.find("POST", "/a/b").has_other_methods);
}

TEST_CASE("a pattern covers what is below it, not itself") {
    Router router;
    router.add({.method = "GET", .path = "/a/*"});
    CHECK(router.find("GET", "/a").route == nullptr);
    CHECK(router.find("GET", "/ab").route == nullptr);
    CHECK(router.find("GET", "/a/").route != nullptr);
}

}  // namespace serin::server
