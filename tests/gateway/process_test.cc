#include "gateway/harness.h"

#include <doctest/doctest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace serin::test {

TEST_CASE("a new structure is taken up without losing a request") {
    Shop shop;
    shop.open(50, 50);
    Load keeping(shop.port, 3, true);
    Load connecting(shop.port, 2, false);
    for (int i = 0; i < 5; ++i) {
        const int before = shop.gateway->haproxy_pid();
        Object route = shop.get(types::http_route(), "shop");
        route.document()["spec"].as_object()["rules"].as_array()[0].as_object()["matches"] =
            json::Array{
                json::Object{{"path", json::Object{{"value", "/"}}}},
                json::Object{{"path", json::Object{{"value", "/v" + std::to_string(i)}}}}};
        REQUIRE(shop.store.update(route));
        REQUIRE(shop.wait([&] { return shop.is_in_force(); }));
        CHECK(shop.gateway->haproxy_pid() != before);
        shop.run_for(Duration(100));
    }
    keeping.stop();
    connecting.stop();
    CHECK_MESSAGE(keeping.lost() == 0, keeping.first_loss());
    CHECK_MESSAGE(connecting.lost() == 0, connecting.first_loss());
    const auto sent = static_cast<std::size_t>(keeping.answered() + connecting.answered());
    CHECK(shop.wait([&] { return shop.sink.count() >= sent; }));
    CHECK(shop.sink.count() == sent);
}

TEST_CASE("requests that wait for the first pod are served by it, however long HAProxy starts") {
    Shop shop;
    const std::string slow = shop.folder + "/slow-haproxy";
    std::ofstream(slow) << "#!/bin/sh\nsleep 0.3\nexec haproxy \"$@\"\n";
    std::filesystem::permissions(slow, std::filesystem::perms::owner_all);
    shop.crash_gateway();
    shop.settings->haproxy_binary = slow;
    shop.start_gateway();
    shop.add_gateway(shop.port);
    shop.add_service("stable", "s");
    shop.add_route({{"stable", 1}});
    REQUIRE(shop.wait(
        [&] { return shop.condition("serin.dev/InForce", "reason") == "DataPlaneDown"; }));
    Load load(shop.port, 4, false);
    shop.run_for(Duration(100));
    shop.backends["shop-s"] = std::make_unique<Backend>("s");
    shop.add_pod("shop-s", "s", shop.backends["shop-s"]->port());
    REQUIRE(shop.wait([&] { return load.answered() > 100; }));
    load.stop();
    CHECK_MESSAGE(load.lost() == 0, load.first_loss());
}

TEST_CASE("a service that gets no pod keeps the others waiting for a moment only") {
    Shop shop;
    shop.add_gateway(shop.port);
    shop.add_service("stable", "s");
    shop.add_route({{"stable", 1}});
    REQUIRE(shop.wait([&] { return shop.is_in_force(); }));
    CHECK(shop.condition("serin.dev/InForce", "reason") == "NoEndpoints");
    Client client(shop.port);
    CHECK(client.get("/").status == 503);
}

TEST_CASE("a pod that is killed costs no GET") {
    Shop shop;
    shop.open(100, 0);
    for (const std::string name : {"shop-s2", "shop-s3"}) {
        shop.backends[name] = std::make_unique<Backend>("s");
        shop.add_pod(name, "s", shop.backends[name]->port());
    }
    REQUIRE(shop.wait([&] { return shop.is_in_rotation("shop-s3"); }));
    Load load(shop.port, 4, true);
    shop.run_for(Duration(300));
    shop.backends["shop-s2"]->kill_now();
    shop.run_for(Duration(1000));
    // What the node does when it has noticed.
    shop.set_ready("shop-s2", false);
    CHECK(shop.wait([&] { return !shop.is_in_rotation("shop-s2"); }));
    load.stop();
    CHECK_MESSAGE(load.lost() == 0, load.first_loss());
}

TEST_CASE("HAProxy killed: reported, started again, and no connection refused") {
    Shop shop;
    shop.open(80, 20);
    const int pid = shop.gateway->haproxy_pid();
    REQUIRE(pid > 0);
    kill(pid, SIGKILL);
    REQUIRE(shop.wait([&] { return shop.gateway->haproxy_pid() != pid; }));
    // The listening socket is ours: the connection waits in its queue.
    Client client(shop.port);
    std::atomic<int> status = -1;
    std::thread asking([&] { status = client.get("/").status; });
    CHECK(shop.wait([&] { return status != -1; }));
    asking.join();
    CHECK(status == 200);
    CHECK(shop.wait([&] { return shop.is_in_force(); }));
    CHECK(shop.gateway->haproxy_pid() != pid);
    CHECK(shop.condition("serin.dev/InForce", "message") == R"([{"stable":80,"canary":20}])");
}

TEST_CASE("while HAProxy is down the routes say so") {
    Shop shop("haproxy-that-is-not-there");
    shop.add_gateway(shop.port);
    shop.add_service("stable", "s");
    shop.add_service("canary", "c");
    shop.add_route({{"stable", 1}, {"canary", 0}});
    REQUIRE(shop.wait([&] {
        return shop.condition("serin.dev/InForce", "reason") == "DataPlaneDown" &&
               shop.condition("serin.dev/InForce", "message").contains("haproxy-that-is-not-there");
    }));
    CHECK(shop.condition("serin.dev/InForce", "status") == "False");
    const Object gateway = shop.get(types::gateway(), "edge");
    CHECK(gateway.text("/status/conditions/1/type") == "Programmed");
    CHECK(gateway.text("/status/conditions/1/status") == "False");
}

TEST_CASE("a gateway that comes back adopts HAProxy with its weights and its last records") {
    Shop shop;
    shop.open(70, 30);
    const int pid = shop.gateway->haproxy_pid();
    Client client(shop.port);
    for (int i = 0; i < 50; ++i) REQUIRE(client.get("/").status == 200);
    REQUIRE(shop.wait([&] { return shop.sink.count() == 50; }));
    Load load(shop.port, 2, false);
    shop.crash_gateway();
    for (int i = 0; i < 50; ++i) REQUIRE(client.get("/").status == 200);
    shop.start_gateway();
    CHECK(shop.gateway->haproxy_pid() == pid);
    REQUIRE(shop.wait([&] { return shop.is_in_force(); }));
    shop.set_weights({{"stable", 0}, {"canary", 1}});
    REQUIRE(shop.wait([&] { return shop.is_in_force(); }));
    for (int i = 0; i < 20; ++i) CHECK(client.get("/").body == "c");
    CHECK(shop.gateway->haproxy_pid() == pid);
    load.stop();
    CHECK_MESSAGE(load.lost() == 0, load.first_loss());
    // The ring is read again from its start: the first 50 come twice, all others once.
    const auto expected = static_cast<std::size_t>(50 + 120 + load.answered());
    CHECK(shop.wait([&] { return shop.sink.count() >= expected; }));
    CHECK(shop.sink.count() == expected);

    // The listening socket came along: HAProxy's death still refuses no connection.
    kill(pid, SIGKILL);
    REQUIRE(shop.wait([&] { return shop.gateway->haproxy_pid() != pid; }));
    CHECK(shop.wait([&] { return shop.gateway->haproxy_pid() > 0; }));
    client.disconnect();
    CHECK(client.get("/").body == "c");
}

TEST_CASE("a port that is taken is reported, and the other listeners serve") {
    Shop shop;
    const int taken = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    REQUIRE(bind(taken, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(listen(taken, 1) == 0);
    getsockname(taken, reinterpret_cast<sockaddr*>(&address), &size);
    const std::string port = std::to_string(ntohs(address.sin_port));
    shop.open(100, 0);
    Object edge = shop.get(types::gateway(), "edge");
    edge.document()["spec"].as_object()["listeners"].as_array().push_back(json::Object{
        {"name", "second"}, {"protocol", "HTTP"}, {"port", int{ntohs(address.sin_port)}}});
    REQUIRE(shop.store.update(edge));
    const auto second = [&](const std::string& pointer) {
        const Object now = shop.get(types::gateway(), "edge");
        return std::string(now.text("/status/listeners/1/conditions/" + pointer));
    };
    REQUIRE(shop.wait([&] { return second("0/reason") == "PortUnavailable"; }));
    CHECK(second("0/message") == "127.0.0.1:" + port + ": Address already in use");
    CHECK(shop.get(types::gateway(), "edge").integer("/status/listeners/0/attachedRoutes") == 1);
    Client client(shop.port);
    CHECK(client.get("/").status == 200);
    close(taken);
    CHECK(shop.wait([&] { return second("0/reason") == "Accepted"; }));
    Client other(std::stoi(port));
    CHECK(shop.wait([&] { return other.get("/").status == 200; }));
}

TEST_CASE("a pod leaves rotation only when its last request has ended") {
    Shop shop;
    shop.open(50, 50);
    Client slow(shop.port);
    shop.set_weights({{"stable", 1}, {"canary", 999999}});
    REQUIRE(shop.wait([&] { return shop.is_in_force(); }));
    std::atomic<int> status = 0;
    std::thread asking([&] { status = slow.get("/slow/2000").status; });
    shop.run_for(Duration(200));
    REQUIRE(shop.store.remove({&types::pod(), "default", "shop-c"}));
    shop.run_for(Duration(100));
    CHECK(shop.is_in_rotation("shop-c"));
    CHECK(status == 0);
    Client client(shop.port);
    CHECK(client.get("/").body == "s");  // New requests go elsewhere already.
    CHECK(shop.wait([&] { return !shop.is_in_rotation("shop-c"); }));
    asking.join();
    CHECK(status == 200);  // Not cut.
}

TEST_CASE("stopping the data plane takes all pods out of rotation") {
    Shop shop;
    shop.open(50, 50);
    const int pid = shop.gateway->haproxy_pid();
    shop.gateway->shut_down(Duration(2000));
    CHECK_FALSE(shop.is_in_rotation("shop-s"));
    CHECK(kill(pid, 0) != 0);
}

}  // namespace serin::test
