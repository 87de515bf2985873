#include "gateway/harness.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <thread>

// Requests that a pod ends without an answer, on connections that have carried a request before:
// of these HAProxy writes no record of its own.

namespace serin::test {
namespace {

constexpr const char* no_body = "Content-Length: 0\r\n";

std::size_t count_of(Shop& shop, const std::function<bool(const KeptOutcome&)>& is_meant) {
    return static_cast<std::size_t>(std::ranges::count_if(shop.sink.outcomes(), is_meant));
}

}  // namespace

TEST_CASE("a pod that ends later requests of a connection without an answer is told of each once") {
    Shop shop;
    shop.open(0, 100);
    std::size_t asked = 0;
    std::map<std::string, std::size_t> wanted;
    for (const std::string path : {"/drop/c", "/reset/c", "/cut/c"}) {
        for (const std::string method : {"GET", "POST"}) {
            for (int i = 0; i < 5; ++i) {
                Client client(shop.port);
                CHECK(client.get("/fine").status == 200);
                CHECK(client.get("/fine").status == 200);
                CHECK(client.get(path, "shop.test", no_body, method).status == 0);
                asked += 3;
                ++wanted[method + path];
            }
        }
    }
    REQUIRE(shop.wait([&] { return shop.sink.count() >= asked; }));
    shop.run_for(Duration(200));
    CHECK(shop.sink.count() == asked);
    CHECK(shop.sink.gaps() == 0);
    std::map<std::string, std::size_t> seen;
    for (const KeptOutcome& outcome : shop.sink.outcomes()) {
        CHECK(outcome.ns == "default");
        CHECK(outcome.route == "shop");
        CHECK(outcome.service == "canary");
        CHECK(outcome.revision == "c");
        CHECK(outcome.pod == "shop-c");
        CHECK_FALSE(outcome.id.empty());
        CHECK(outcome.is_lost == (outcome.path != "/fine"));
        if (!outcome.is_lost) continue;
        CHECK(outcome.status == 502);
        ++seen[outcome.method + outcome.path];
    }
    CHECK(seen == wanted);
}

TEST_CASE("a pod that is killed with requests in flight is told of each once") {
    Shop shop;
    shop.open(0, 100);
    std::vector<std::thread> clients;
    for (const std::string method : {"GET", "POST"}) {
        for (int i = 0; i < 4; ++i) {
            clients.emplace_back([&, method] {
                Client client(shop.port);
                client.get("/fine");
                client.get("/slow/60000", "shop.test", no_body, method);
            });
        }
    }
    REQUIRE(shop.wait([&] { return shop.sink.count() >= 8; }));
    shop.run_for(Duration(300));  // Until the slow ones are at the pod.
    shop.backends["shop-c"]->kill_now();
    for (std::thread& client : clients) client.join();
    REQUIRE(shop.wait([&] { return shop.sink.count() >= 16; }));
    shop.run_for(Duration(200));
    CHECK(shop.sink.count() == 16);
    const auto is_failed = [](const KeptOutcome& outcome) {
        return outcome.is_lost && outcome.status >= 500 && outcome.service == "canary" &&
               outcome.path == "/slow/60000";
    };
    CHECK(count_of(shop, is_failed) == 8);
    const auto is_of_pod = [&](const KeptOutcome& outcome) {
        return is_failed(outcome) && outcome.method == "POST" && outcome.revision == "c";
    };
    CHECK(count_of(shop, is_of_pod) == 4);
}

TEST_CASE("a client that leaves a later request is no failure of the pod") {
    Shop shop;
    shop.open(0, 100);
    for (int i = 0; i < 10; ++i) {
        for (const std::string method : {"GET", "POST"}) {
            Client client(shop.port);
            CHECK(client.get("/fine").status == 200);
            client.send_only("/slow/300", method);
            shop.run_for(Duration(20));
        }
    }
    REQUIRE(shop.wait([&] { return shop.sink.count() >= 40; }));
    for (const KeptOutcome& outcome : shop.sink.outcomes()) {
        CHECK_FALSE(outcome.is_lost);
        CHECK(outcome.status < 500);
    }
}

TEST_CASE("a pod that is late is told as such, and its client too") {
    Shop shop;
    shop.open(0, 100);
    Object route = shop.get(types::http_route(), "shop");
    route.document()["spec"].as_object()["rules"].as_array()[0].as_object()["timeouts"] =
        json::Object{{"request", "100ms"}};
    REQUIRE(shop.store.update(route));
    Client client(shop.port);
    for (const std::string method : {"GET", "POST"}) {
        REQUIRE(shop.wait([&] {
            client.disconnect();
            CHECK(client.get("/fine").status == 200);
            return client.get("/slow/400", "shop.test", no_body, method).status == 504;
        }));
    }
}

TEST_CASE("what may be asked twice is answered by another pod") {
    Shop shop;
    shop.open(0, 100);
    shop.backends["other"] = std::make_unique<Backend>("other");
    shop.add_pod("other", "c", shop.backends["other"]->port());
    REQUIRE(shop.wait([&] { return shop.is_in_rotation("other"); }));
    Client client(shop.port);
    CHECK(client.get("/fine").status == 200);
    for (int i = 0; i < 10; ++i) CHECK(client.get("/drop/c").body == "other");
}

}  // namespace serin::test
