#include "server/guard.h"

#include <doctest/doctest.h>

#include <fstream>
#include <stdlib.h>
#include <unistd.h>

namespace serin::server {

namespace {

using Headers = net::HttpHeaders;

net::HttpServerRequest request(const std::string& method, Headers headers) {
    return {.method = method, .path = "/", .headers = std::move(headers)};
}

int code(const Guard& guard, const std::string& method, Headers headers) {
    const auto failure = guard.check(request(method, std::move(headers)));
    return failure ? failure->code : 200;
}

}  // namespace

TEST_CASE("on loopback only this machine's names are known") {
    const Guard guard = Guard::make({.host_names = {"Laptop.example"}}).value();
    for (const char* host :
         {"localhost",
          "localhost:8080",
          "LOCALHOST",
          "shop.localhost",
          "127.0.0.1:1",
          "127.8.9.1",
          "[::1]:80",
          "laptop.example:8080"}) {
        CAPTURE(host);
        CHECK(code(guard, "GET", {{"host", host}}) == 200);
    }
    for (const char* host :
         {"evil.example",
          "127.0.0.1.evil.example",
          "localhost.evil.example",
          "192.168.0.1",
          "",
          "[",
          "[]"}) {
        CAPTURE(host);
        CHECK(code(guard, "GET", {{"host", host}}) == 403);
    }
    CHECK(code(guard, "GET", {}) == 400);
}

TEST_CASE("a page of another origin may not write") {
    const Guard guard = Guard::make({}).value();
    const auto write = [&](const std::string& method, Headers more) {
        more.emplace_back("host", "localhost:8080");
        return code(guard, method, std::move(more));
    };
    CHECK(write("POST", {}) == 200);
    CHECK(write("POST", {{"origin", "http://localhost:8080"}}) == 200);
    CHECK(write("POST", {{"origin", "http://localhost:9090"}}) == 403);
    CHECK(write("POST", {{"origin", "https://localhost:8080"}}) == 403);
    CHECK(write("DELETE", {{"origin", "http://evil.example"}}) == 403);
    CHECK(write("PATCH", {{"origin", "null"}}) == 403);
    CHECK(write("PUT", {{"sec-fetch-site", "cross-site"}}) == 403);
    CHECK(write("PUT", {{"sec-fetch-site", "same-origin"}}) == 200);
    CHECK(write("GET", {{"origin", "http://evil.example"}}) == 200);
}

TEST_CASE("beyond loopback there has to be a way to tell who comes") {
    for (const char* address : {"0.0.0.0", "::", "192.168.0.1"}) {
        const auto guard = Guard::make({.address = address});
        REQUIRE_FALSE(guard);
        CHECK(guard.error().kind == ErrorKind::invalid);
        CHECK(guard.error().message.contains(address));
        CHECK(guard.error().message.contains("token file"));
    }
    CHECK(Guard::make({.address = "::1"}));
    CHECK(Guard::make({.address = "127.0.0.2"}));

    const Guard guard =
        Guard::make({.address = "0.0.0.0", .has_client_certificates = true}).value();
    CHECK(code(guard, "GET", {{"host", "192.168.0.1:1"}}) == 401);
    CHECK(code(guard, "GET", {{"host", "evil.example"}}) == 403);
    net::HttpServerRequest known = request("GET", {{"host", "192.168.0.1"}});
    known.certificate_subject = "CN=ann";
    CHECK_FALSE(guard.check(known));
}

TEST_CASE("a token file that is missing, empty or too short is refused") {
    CHECK_FALSE(Guard::make({.token_file = "/nonexistent/token"}));
    char name[] = "/tmp/serin-guard-XXXXXX";
    const int fd = ::mkstemp(name);
    REQUIRE(fd >= 0);
    ::close(fd);
    CHECK_FALSE(Guard::make({.token_file = name}));
    std::ofstream(name) << "short\n";
    CHECK_FALSE(Guard::make({.token_file = name}));
    std::ofstream(name) << "0123456789abcdef \n";
    const auto guard = Guard::make({.address = "0.0.0.0", .token_file = name});
    REQUIRE(guard);
    const Headers headers = {{"host", "10.0.0.1"}, {"authorization", "Bearer 0123456789abcdef"}};
    CHECK(code(*guard, "GET", headers) == 200);
    CHECK(code(*guard, "GET", {{"host", "10.0.0.1"}}) == 401);
    ::unlink(name);
}

}  // namespace serin::server
