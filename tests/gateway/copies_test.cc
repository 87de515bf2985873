#include "gateway/harness.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>

namespace serin::test {

namespace {

CopyWish wish_for(std::vector<std::string> methods = {"GET", "HEAD"}, int rate = 1000) {
    return {
        .ns = "default",
        .stable_service = "stable",
        .stable_revision = "s",
        .candidate_revision = "c",
        .methods = std::move(methods),
        .rate = rate};
}

// What an order has brought.
struct Copies {
    std::vector<RequestCopy> all;
    std::unique_ptr<RequestCopies::Order> order;

    Copies(Shop& shop, CopyWish wish) {
        order = shop.gateway->copies().order(
            std::move(wish), [this](RequestCopy copy) { all.push_back(std::move(copy)); });
        REQUIRE(shop.wait([&] { return order->rules() == 1; }));
        CHECK(order->trouble().empty());
        REQUIRE(shop.wait([&] { return shop.is_in_force(); }));
    }
    std::string header(std::size_t copy, std::string_view name) const {
        for (const auto& [known, value] : all[copy].headers)
            if (known == name) return value;
        return {};
    }
};

// Asks until the process that copies has taken over.
void ask_until_copied(Shop& shop, Client& client, const Copies& copies) {
    REQUIRE(shop.wait([&] {
        CHECK(client.get("/warm-up").body == "s");
        return !copies.all.empty();
    }));
}

}  // namespace

TEST_CASE("requests are copied as the pod gets them, with the pods of both revisions") {
    Shop shop;
    shop.open(100, 0);
    Copies copies(shop, wish_for());
    Client client(shop.port);
    ask_until_copied(shop, client, copies);
    shop.run_for(Duration(50));
    copies.all.clear();

    CHECK(client.get("/a?n=1", "shop.test", "Cookie: who=me\r\nX-Request-Id: r1\r\n").body == "s");
    CHECK(client.get("/b", "shop.test", "Content-Length: 2\r\n\r\nhi", "POST").status == 200);
    client.disconnect();
    CHECK(client.get("/c").body == "s");
    REQUIRE(shop.wait([&] { return copies.all.size() >= 2; }));
    shop.run_for(Duration(100));
    REQUIRE(copies.all.size() == 2);
    const auto by_target = [](const RequestCopy& copy) { return copy.target; };
    std::ranges::sort(copies.all, {}, by_target);
    CHECK(copies.all[0].method == "GET");
    CHECK(copies.all[0].target == "/a?n=1");
    CHECK(copies.all[0].route == "default/shop");
    CHECK(copies.all[0].body.empty());
    CHECK(copies.header(0, "cookie") == "who=me");
    CHECK(copies.header(0, "host") == "shop.test");
    CHECK(copies.header(0, "x-request-id") == "r1");
    CHECK(copies.header(0, "x-forwarded-for") == "127.0.0.1");
    CHECK(copies.all[1].target == "/c");
    REQUIRE(copies.all[0].candidate.size() == 1);
    CHECK(copies.all[0].candidate[0].pod == "shop-c");
    CHECK(copies.all[0].candidate[0].port == shop.backends["shop-c"]->port());
    REQUIRE(copies.all[0].stable.size() == 1);
    CHECK(copies.all[0].stable[0].pod == "shop-s");
    // Nobody else can leave copies there, or read them.
    struct stat facts{};
    REQUIRE(stat((shop.folder + "/gateway/copies.sock").c_str(), &facts) == 0);
    CHECK((facts.st_mode & 0777) == 0600);
}

TEST_CASE("no more requests are copied than the rate allows, and all are answered") {
    Shop shop;
    shop.open(100, 0);
    Copies copies(shop, wish_for({"GET"}, 5));
    Client client(shop.port);
    ask_until_copied(shop, client, copies);
    const Instant start = shop.loop.now();
    int answered = 0;
    while (shop.loop.now() < start + Duration(1500)) {
        answered += client.get("/").body == "s" ? 1 : 0;
        shop.run_for(Duration(2));
    }
    CHECK(answered > 20);
    // Whatever the clock did, at most five in each second that has begun.
    const auto seconds = (shop.loop.now() - start).count() / 1000 + 2;
    CHECK(static_cast<std::int64_t>(copies.all.size()) <= 5 * seconds);
}

TEST_CASE("bodies are copied where the method is asked for, except long ones") {
    Shop shop;
    shop.open(100, 0);
    Copies copies(shop, wish_for({"GET", "PUT"}));
    Client client(shop.port);
    ask_until_copied(shop, client, copies);
    CHECK(client.get("/p", "shop.test", "Content-Length: 5\r\n\r\nhello", "PUT").status == 200);
    client.disconnect();
    const std::string body(10'000, 'x');
    CHECK(
        client.get("/long", "shop.test", "Content-Length: 10000\r\n\r\n" + body, "PUT").status > 0);
    client.disconnect();
    const auto has = [&](std::string_view target) {
        return std::ranges::any_of(
            copies.all, [&](const RequestCopy& copy) { return copy.target == target; });
    };
    CHECK(client.get("/last").status == 200);
    REQUIRE(shop.wait([&] { return has("/last") && has("/p"); }));
    CHECK_FALSE(has("/long"));
    const auto put = std::ranges::find(copies.all, "/p", &RequestCopy::target);
    CHECK(put->method == "PUT");
    CHECK(put->body == "hello");
}

TEST_CASE("copies end with their order, and begin again after a crash of Serin") {
    Shop shop;
    shop.open(100, 0);
    auto copies = std::make_unique<Copies>(shop, wish_for());
    Client client(shop.port);
    ask_until_copied(shop, client, *copies);

    shop.crash_gateway();
    // HAProxy goes on, and users notice nothing of copies that nobody takes.
    for (int i = 0; i < 20; ++i) CHECK(client.get("/").body == "s");
    copies.reset();
    shop.start_gateway();
    copies = std::make_unique<Copies>(shop, wish_for());
    ask_until_copied(shop, client, *copies);

    // While another one wants the same, the data plane stays as it is.
    const int before = shop.gateway->haproxy_pid();
    const auto other = std::make_unique<Copies>(shop, wish_for());
    copies->order.reset();
    copies->all.clear();
    ask_until_copied(shop, client, *other);
    CHECK(shop.gateway->haproxy_pid() == before);
    CHECK(copies->all.empty());

    copies = std::make_unique<Copies>(shop, wish_for());
    ask_until_copied(shop, client, *copies);
    other->order.reset();
    copies->order.reset();
    REQUIRE(shop.wait([&] { return shop.gateway->haproxy_pid() != before && shop.is_in_force(); }));
    const std::size_t count = copies->all.size();
    client.disconnect();
    for (int i = 0; i < 20; ++i) CHECK(client.get("/").body == "s");
    shop.run_for(Duration(100));
    CHECK(copies->all.size() == count);
}

TEST_CASE("a wish that no rule serves has no rules") {
    Shop shop;
    shop.open(100, 0);
    CopyWish wish = wish_for();
    wish.stable_service = "other";
    const auto order = shop.gateway->copies().order(wish, [](const RequestCopy&) {});
    shop.run_for(Duration(100));
    CHECK(order->rules() == 0);
}

}  // namespace serin::test
