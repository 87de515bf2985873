#include "gateway/harness.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace serin::test {

namespace {

using namespace std::chrono_literals;

// A pod that keeps what it is sent and answers after a while, or never.
class Shadow {
public:
    explicit Shadow(Duration delay) : delay_(delay) {
        listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof(address);
        auto* any = reinterpret_cast<sockaddr*>(&address);
        REQUIRE(bind(listener_, any, size) == 0);
        REQUIRE(listen(listener_, 64) == 0);
        getsockname(listener_, any, &size);
        port_ = ntohs(address.sin_port);
        threads_.emplace_back([this] { accept_all(); });
    }
    ~Shadow() {
        is_over_ = true;
        shutdown(listener_, SHUT_RDWR);
        for (std::size_t i = 0; i < threads_.size(); ++i) threads_[i].join();
        close(listener_);
    }
    Shadow(const Shadow&) = delete;
    Shadow& operator=(const Shadow&) = delete;

    int port() const { return port_; }
    std::vector<std::string> requests() {
        const std::lock_guard lock(mutex_);
        return requests_;
    }
    bool has(const std::string& start) {
        const auto all = requests();
        return std::ranges::any_of(all, [&](const auto& one) { return one.starts_with(start); });
    }

private:
    void accept_all() {
        while (!is_over_) {
            const int fd = accept(listener_, nullptr, nullptr);
            if (fd >= 0) threads_.emplace_back([this, fd] { answer(fd); });
        }
    }
    void answer(int fd) {
        const timeval patience{.tv_sec = 0, .tv_usec = 50'000};
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        std::string text;
        char buffer[4096];
        const Instant start =
            std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
        bool is_answered = false;
        while (!is_over_) {
            const ssize_t got = recv(fd, buffer, sizeof(buffer), 0);
            if (got == 0) break;
            if (got > 0) text.append(buffer, static_cast<std::size_t>(got));
            const bool is_late =
                std::chrono::system_clock::now() - start > delay_ + std::chrono::milliseconds(50);
            if (is_answered || text.empty() || !is_late) continue;
            keep(text);
            constexpr std::string_view words = "HTTP/1.1 500 X\r\nContent-Length: 6\r\n\r\nshadow";
            send(fd, words.data(), words.size(), MSG_NOSIGNAL);
            is_answered = true;
        }
        if (!is_answered && !text.empty()) keep(text);
        close(fd);
    }
    void keep(const std::string& text) {
        const std::lock_guard lock(mutex_);
        requests_.push_back(text);
    }

    Duration delay_;
    int listener_ = -1;
    int port_ = 0;
    std::atomic<bool> is_over_ = false;
    std::mutex mutex_;
    std::vector<std::string> requests_;
    std::vector<std::thread> threads_;
};

// All traffic to stable; requests below /api are copied to the canary.
constexpr const char* mirrored = R"({"apiVersion":"gateway.networking.k8s.io/v1",
    "kind":"HTTPRoute","metadata":{"name":"shop","namespace":"default"},"spec":{"parentRefs":[{"name":"edge"}],"rules":[
    {"backendRefs":[{"name":"stable","port":80,"weight":100},{"name":"canary","port":80,"weight":0}]},
    {"name":"shadow","matches":[{"path":{"value":"/api"}}],
     "filters":[{"type":"RequestMirror",
        "requestMirror":{"backendRef":{"name":"canary","port":80}}}],
     "backendRefs":[{"name":"stable","port":80,"weight":100},{"name":"canary","port":80,"weight":0}]}]}})";

void open(Shop& shop, int shadow_port) {
    shop.add_gateway(shop.port);
    shop.add_service("stable", "s");
    shop.add_service("canary", "c");
    shop.backends["shop-s"] = std::make_unique<Backend>("s");
    shop.add_pod("shop-s", "s", shop.backends["shop-s"]->port());
    shop.add_pod("shop-c", "c", shadow_port);
    shop.create(mirrored);
    REQUIRE(shop.wait([&] { return shop.is_in_force(); }));
}

}  // namespace

TEST_CASE("copies reach the second backend, and nobody sees or waits for its answers") {
    Shadow shadow(300ms);
    Shop shop;
    open(shop, shadow.port());
    CHECK(shop.is_in_rotation("shop-c"));
    Client client(shop.port);
    for (int i = 0; i < 20; ++i) {
        const Answer answer = client.get(i % 2 == 0 ? "/api/x?n=1" : "/other");
        CHECK(answer.status == 200);
        CHECK(answer.body == "s");
    }
    REQUIRE(shop.wait([&] { return shadow.requests().size() >= 10; }));
    for (const std::string& request : shadow.requests()) {
        CHECK(request.starts_with("GET /api/x?n=1 HTTP/1.1\r\n"));
        CHECK(request.contains("host: shop.test\r\n"));
        CHECK_FALSE(request.contains("x-serin"));
    }
    // The record of requests tells of users' requests alone.
    REQUIRE(shop.wait([&] { return shop.sink.count() >= 20; }));
    CHECK(shop.sink.count() == 20);
    for (const KeptOutcome& outcome : shop.sink.outcomes()) {
        CHECK(outcome.revision == "s");
        CHECK(outcome.latency_us < 300'000);
    }
}

TEST_CASE("methods and bodies are copied, long bodies are not") {
    Shadow shadow(0ms);
    Shop shop;
    open(shop, shadow.port());
    Client client(shop.port);
    CHECK(client.get("/api/put", "shop.test", "Content-Length: 5\r\n\r\nhello", "PUT").status > 0);
    client.disconnect();
    const std::string body(10'000, 'x');
    CHECK(
        client.get("/api/long", "shop.test", "Content-Length: 10000\r\n\r\n" + body, "POST")
            .status > 0);
    client.disconnect();
    CHECK(client.get("/api/last", "shop.test", "", "OPTIONS").status == 200);
    REQUIRE(
        shop.wait([&] { return shadow.has("OPTIONS /api/last") && shadow.has("PUT /api/put"); }));
    CHECK_FALSE(shadow.has("POST"));
    const auto requests = shadow.requests();
    CHECK(std::ranges::any_of(requests, [](const auto& one) { return one.contains("hello"); }));
}

}  // namespace serin::test
