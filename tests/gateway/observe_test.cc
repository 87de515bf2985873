#include "gateway/harness.h"

#include <doctest/doctest.h>

// What a route's author asks to be told of each request.

namespace serin::test {
namespace {

void observe(Shop& shop, const std::string& name, const std::string& value) {
    Object route = shop.get(types::http_route(), "shop");
    route.set_annotation("serin.dev/observe-" + name, value);
    REQUIRE(shop.store.update(route));
}

std::vector<KeptOutcome> after(Shop& shop, std::size_t count) {
    REQUIRE(shop.wait([&] { return shop.sink.count() >= count; }));
    return shop.sink.outcomes();
}

// Annotations are not part of a route's generation: it is observed when a request shows it.
void await(Shop& shop, std::string_view part) {
    REQUIRE(shop.wait([&] {
        Client(shop.port).get("/await");
        shop.run_for(Duration(50));
        const auto outcomes = shop.sink.outcomes();
        return !outcomes.empty() && (outcomes.back().request_headers.contains(part) ||
                                     outcomes.back().response_headers.contains(part));
    }));
}

}  // namespace

TEST_CASE("a request has an id, its own or a new one, and the pod is told it") {
    Shop shop;
    shop.open(1, 0);
    Client client(shop.port);
    CHECK(client.get("/echo", "shop.test", "X-Request-Id: mine\r\n")
              .body.contains("x-request-id: mine"));
    const std::string echo = client.get("/echo").body;
    const std::string too_long(200, 'a');
    CHECK_FALSE(client.get("/echo", "shop.test", "X-Request-Id: " + too_long + "\r\n")
                    .body.contains(too_long));
    const auto outcomes = after(shop, 3);
    CHECK(outcomes[0].id == "mine");
    CHECK(outcomes[1].id.size() == 36);
    CHECK(echo.contains("x-request-id: " + outcomes[1].id));
    CHECK(outcomes[2].id.size() == 36);
    CHECK(outcomes[0].user == 0);
    CHECK(outcomes[0].request_headers.empty());
}

TEST_CASE("headers are told as the client and the pod sent them, and of a user only a hash") {
    Shop shop;
    shop.open(1, 0);
    observe(shop, "user", "cookie session");
    observe(shop, "request-headers", "x-client-version, x-platform");
    observe(shop, "response-headers", "x-checkout");
    await(shop, "x-checkout=");
    Client client(shop.port);
    const auto ask = [&](const std::string& headers) {
        return client.get("/", "shop.test", headers);
    };
    const std::size_t before = shop.sink.count();
    CHECK(
        ask("Cookie: a=b; session=alice\r\nx-client-version: 3.1\r\nx-say: x-checkout: ok\r\n")
            .status == 200);
    ask("Cookie: session=bob\r\nx-platform: a\tb\"\x01\r\n");
    ask("Cookie: session=alice\r\nx-client-version: " + std::string(300, '\t') + "x\r\n");
    ask("");
    auto outcomes = after(shop, before + 4);
    outcomes.erase(outcomes.begin(), outcomes.begin() + std::ptrdiff_t(before));
    CHECK(outcomes[0].user != 0);
    CHECK(outcomes[1].user != outcomes[0].user);
    CHECK(outcomes[3].user == 0);
    CHECK(outcomes[0].request_headers == "x-client-version=3.1\x1fx-platform=");
    CHECK(outcomes[0].response_headers == "x-checkout=ok");
    CHECK(outcomes[3].request_headers == "x-client-version=\x1fx-platform=");
    for (const KeptOutcome& outcome : outcomes) CHECK(outcome.path == "/");

    // After a restart of everything a user is the same one.
    shop.crash_gateway();
    shop.start_gateway();
    observe(shop, "response-headers", "x-checkout, x-stock");
    await(shop, "x-stock=");
    const std::size_t count = shop.sink.count();
    client.disconnect();
    ask("Cookie: session=alice\r\n");
    const auto later = after(shop, count + 1);
    CHECK(later.back().user == outcomes[0].user);
    CHECK(later.back().response_headers.contains("x-stock="));
}

TEST_CASE("what cannot be observed is said, and the route is served all the same") {
    Shop shop;
    shop.open(1, 0);
    observe(shop, "request-headers", "authorization, x-platform");
    REQUIRE(shop.wait([&] { return shop.condition("serin.dev/Observed", "status") == "False"; }));
    CHECK(shop.condition("serin.dev/Observed", "message").contains("may carry a secret"));
    await(shop, "x-platform=");
    Client client(shop.port);
    const std::size_t before = shop.sink.count();
    CHECK(client.get("/", "shop.test", "Authorization: Bearer x\r\n").status == 200);
    CHECK(after(shop, before + 1).back().request_headers == "x-platform=");
}

}  // namespace serin::test
