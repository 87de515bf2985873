#include "gateway/harness.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

namespace serin::test {

namespace {

// Stable and canary behind one route, of which stable may answer what fails at the canary.
void open_with(Shop& shop, int canary_weight, const std::string& annotations) {
    shop.add_gateway(shop.port);
    shop.add_service("stable", "s");
    shop.add_service("canary", "c");
    for (const std::string hash : {"s", "c"}) {
        shop.backends[hash] = std::make_unique<Backend>(hash);
        shop.add_pod("shop-" + hash, hash, shop.backends[hash]->port());
    }
    shop.create(
        R"({"apiVersion":"gateway.networking.k8s.io/v1","kind":"HTTPRoute","metadata":{)"
        R"("name":"shop","namespace":"default","annotations":{)" +
        annotations +
        R"(}},"spec":{"parentRefs":[{"name":"edge"}],"rules":[{"backendRefs":[)"
        R"({"name":"stable","port":80,"weight":)" +
        std::to_string(100 - canary_weight) + R"(},{"name":"canary","port":80,"weight":)" +
        std::to_string(canary_weight) + "}]}]}}");
    REQUIRE(shop.wait([&] { return shop.is_in_force(); }));
}

constexpr const char* asked = R"("serin.dev/retry-on-stable":"stable")";
// So that requests one after the other are never too many.
constexpr const char* asked_for_all =
    R"("serin.dev/retry-on-stable":"stable","serin.dev/retry-on-stable-budget":"100%")";

std::int64_t count_of(Shop& shop, const std::function<bool(const KeptOutcome&)>& is_meant) {
    return std::ranges::count_if(shop.sink.outcomes(), is_meant);
}

}  // namespace

TEST_CASE("what fails at the canary is answered by stable, and counts against the canary") {
    Shop shop;
    open_with(shop, 100, asked_for_all);
    Client client(shop.port);
    for (int i = 0; i < 10; ++i) {
        const Answer failed = client.get("/fail/c");
        CHECK(failed.status == 200);
        CHECK(failed.body == "s");
        const Answer dropped = client.get("/drop/c");
        CHECK(dropped.status == 200);
        CHECK(dropped.body == "s");
        CHECK(client.get("/fine").body == "c");
    }
    REQUIRE(shop.wait([&] { return shop.sink.count() >= 50; }));
    shop.run_for(Duration(100));
    CHECK(shop.sink.count() == 50);  // 30 requests, 20 of them at two versions.
    CHECK(shop.sink.gaps() == 0);
    std::set<std::string> failed_ids;
    std::set<std::string> rescue_ids;
    for (const KeptOutcome& outcome : shop.sink.outcomes()) {
        CHECK(outcome.route == "shop");
        CHECK_FALSE(outcome.id.empty());
        CHECK(outcome.revision == (outcome.is_rescue ? "s" : "c"));
        CHECK(outcome.service == (outcome.is_rescue ? "stable" : "canary"));
        const bool is_fine = outcome.path == "/fine" || outcome.is_rescue;
        CHECK((outcome.status < 500) == is_fine);
        if (outcome.is_rescue) rescue_ids.insert(outcome.id);
        if (!is_fine) failed_ids.insert(outcome.id);
    }
    // Both attempts are the same request.
    CHECK(failed_ids.size() == 20);
    CHECK(rescue_ids == failed_ids);
}

TEST_CASE("a request that may not come twice keeps its answer, unless the route says so") {
    Shop shop;
    open_with(shop, 100, asked_for_all);
    Client client(shop.port);
    CHECK(client.get("/fail/c", "shop.test", "Content-Length: 0\r\n", "POST").status == 500);
    CHECK(client.get("/fail/c").status == 200);

    Object route = shop.get(types::http_route(), "shop");
    route.set_annotation("serin.dev/retry-on-stable-methods", "POST");
    REQUIRE(shop.store.update(route));
    CHECK(shop.wait([&] {
        client.disconnect();
        const Answer posted =
            client.get("/fail/c", "shop.test", "Content-Length: 2\r\n\r\nok", "POST");
        return posted.status == 200 && posted.body == "s";
    }));
    // The process before may take one more connection.
    CHECK(shop.wait([&] {
        client.disconnect();
        return client.get("/fail/c").status == 500;
    }));
}

TEST_CASE("without the annotation every failure is the user's") {
    Shop shop;
    open_with(shop, 100, "");
    Client client(shop.port);
    CHECK(client.get("/fail/c").status == 500);
    REQUIRE(shop.wait([&] { return shop.sink.count() >= 1; }));
    CHECK_FALSE(shop.sink.outcomes()[0].is_rescue);
}

TEST_CASE("an exhausted budget lets failures pass, as the canary made them") {
    Shop shop;
    open_with(
        shop,
        100,
        R"("serin.dev/retry-on-stable":"stable",)"
        R"("serin.dev/retry-on-stable-budget":"1%")");
    Client client(shop.port);
    int rescued = 0;
    int passed = 0;
    for (int i = 0; i < 200; ++i) {
        const Answer answer = client.get("/fail/c");
        rescued += answer.status == 200 ? 1 : 0;
        passed += answer.status == 500 ? 1 : 0;
    }
    CHECK(rescued + passed == 200);
    // Ten and 1 % in ten seconds.
    CHECK(rescued >= 10);
    CHECK(rescued <= 30);
    const auto is_rescue = [](const KeptOutcome& outcome) { return outcome.is_rescue; };
    CHECK(shop.wait([&] { return shop.sink.count() == std::size_t(200 + rescued); }));
    CHECK(count_of(shop, is_rescue) == rescued);
}

TEST_CASE("a pod sees a request once, as it would without a second chance") {
    Shop plain;
    open_with(plain, 100, "");
    Shop shop;
    open_with(shop, 100, asked);
    Client plain_client(plain.port);
    Client client(shop.port);
    const std::string id = "X-Request-Id: mine\r\n";
    const std::string expected = plain_client.get("/echo", "shop.test", id).body;
    CHECK(expected.contains("x-request-id: mine"));
    CHECK(client.get("/echo", "shop.test", id).body == expected);
    CHECK(
        client.get("/echo", "shop.test", id + "X-Serin-Id: x\r\nX-Serin-Path: y\r\n").body ==
        expected);
}

TEST_CASE("both attempts are told as the client asked, whatever the route changes") {
    Shop shop;
    open_with(
        shop, 100, std::string(asked) + R"(,"serin.dev/observe-request-headers":"x-platform")");
    Object route = shop.get(types::http_route(), "shop");
    route.document()["spec"].as_object()["rules"].as_array()[0].as_object()["filters"] =
        json::Array{json::Object{
            {"type", "URLRewrite"},
            {"urlRewrite",
             json::Object{
                 {"path",
                  json::Object{{"type", "ReplaceFullPath"}, {"replaceFullPath", "/fail/c"}}}}}}};
    REQUIRE(shop.store.update(route));
    Client client(shop.port);
    const auto is_rescued = [](const KeptOutcome& outcome) {
        return outcome.is_rescue && outcome.path == "/asked";
    };
    REQUIRE(shop.wait([&] {
        client.disconnect();
        CHECK(client.get("/asked", "shop.test", "X-Platform: tv\r\n").status < 500);
        return count_of(shop, is_rescued) > 0;
    }));
    for (const KeptOutcome& outcome : shop.sink.outcomes()) {
        CHECK(outcome.path == "/asked");
        CHECK(outcome.request_headers == "x-platform=tv");
    }
}

TEST_CASE("a late canary is given up where an attempt has a time of its own") {
    Shop shop;
    open_with(shop, 100, asked);
    Object route = shop.get(types::http_route(), "shop");
    route.document()["spec"].as_object()["rules"].as_array()[0].as_object()["timeouts"] =
        json::Object{{"request", "5s"}, {"backendRequest", "100ms"}};
    REQUIRE(shop.store.update(route));
    Client client(shop.port);
    // Both are late: the second attempt's answer is the user's.
    CHECK(shop.wait([&] { return client.get("/slow/400").status == 504; }));
    REQUIRE(shop.wait([&] {
        return count_of(shop, [](const KeptOutcome& outcome) {
                   return outcome.is_rescue && outcome.status == 504;
               }) >= 1;
    }));
}

TEST_CASE("load goes on without a loss while the canary fails, grows, and its process changes") {
    Shop shop;
    open_with(shop, 5, asked_for_all);
    // Nothing but failures: its pod closes every connection.
    shop.backends["c"]->kill_now();
    Load load(shop.port, 4, true);
    for (const int weight : {10, 30, 50}) {
        shop.set_weights({{"stable", 100 - weight}, {"canary", weight}});
        REQUIRE(shop.wait([&] { return shop.is_in_force(); }));
        shop.run_for(Duration(200));
    }
    // Another listener makes another process.
    Object gateway = shop.get(types::gateway(), "edge");
    gateway.document()["spec"].as_object()["listeners"].as_array().push_back(
        json::Object{{"name", "more"}, {"protocol", "HTTP"}, {"port", free_port()}});
    REQUIRE(shop.store.update(gateway));
    shop.run_for(Duration(1500));
    load.stop();
    INFO(load.first_loss());
    // What fails in the moment in which a process is replaced may reach its user.
    CHECK(load.lost() * 1000 <= load.answered());
    CHECK(shop.sink.gaps() == 0);
    CHECK(count_of(shop, [](const KeptOutcome& outcome) { return outcome.is_rescue; }) > 0);
}

}  // namespace serin::test
