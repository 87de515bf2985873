#include "node/addresses.h"

#include "node/environment.h"
#include "node/process.h"

#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <set>
#include <sys/socket.h>

namespace serin::node {

TEST_CASE("no two pods share an address or a port") {
    Addresses addresses({.port_first = 23'000, .port_last = 23'200});
    std::set<std::string> ips;
    std::set<int> ports;
    for (int i = 0; i < 50; ++i) {
        const std::string uid = std::to_string(i);
        ips.insert(addresses.take_ip(uid).value());
        ports.insert(addresses.take_port(uid, 8080).value());
    }
    CHECK(ips.size() == 50);
    CHECK(ports.size() == 50);
    CHECK(addresses.reserve("0", "", {}));
    CHECK_FALSE(addresses.reserve("new", *ips.begin(), {}));
    CHECK_FALSE(addresses.reserve("new", "", {{80, *ports.begin()}}));
    for (int i = 0; i < 50; ++i) addresses.release(std::to_string(i));
    CHECK(addresses.reserve("new", *ips.begin(), {{80, *ports.begin()}}));
}

TEST_CASE("a port that another process listens at is not handed out") {
    const FileDescriptor listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* any = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof(address);
    REQUIRE(bind(listener.get(), any, size) == 0);
    REQUIRE(listen(listener.get(), 1) == 0);
    REQUIRE(getsockname(listener.get(), any, &size) == 0);
    const int port = ntohs(address.sin_port);

    CHECK_FALSE(is_port_free(port));
    Addresses addresses({.port_first = port, .port_last = port});
    const auto none = addresses.take_port("a", 80);
    REQUIRE_FALSE(none);
    CHECK(none.error().kind == ErrorKind::unavailable);
}

TEST_CASE("variables are expanded as Kubernetes does") {
    const Environment env{{"A", "1"}, {"B", "$(A)"}};
    CHECK(expand("$(A)", env) == "1");
    CHECK(expand("x$(A)y$(A)", env) == "x1y1");
    CHECK(expand("$(B)", env) == "$(A)");  // Once.
    CHECK(expand("$$(A)", env) == "$(A)");
    CHECK(expand("$(C) $A ${A} $", env) == "$(C) $A ${A} $");
    CHECK(expand("$(A", env) == "$(A");
}

TEST_CASE("a port is meant by number, number as text or name, and mapped to the actual one") {
    const json::Object container =
        json::parse(R"({"ports": [{"name": "http", "containerPort": 8080}]})")->as_object();
    const PortMap ports{{8080, 31'000}};
    const auto port = [&](json::Value written) {
        return actual_port(&written, container, ports).value_or(0);
    };
    CHECK(port(8080) == 31'000);
    CHECK(port("8080") == 31'000);
    CHECK(port("http") == 31'000);
    CHECK(port(9090) == 9090);
    CHECK(port("grpc") == 0);
    CHECK(port(0) == 0);
    CHECK(port(70'000) == 0);
}

}  // namespace serin::node
