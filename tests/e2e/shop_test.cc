// The example shop shows what a service owes its users while it is taken out of service: who asks
// in that moment is answered.

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "machine.h"
#include <arpa/inet.h>
#include <array>
#include <csignal>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace serin;
using namespace std::chrono_literals;

namespace {

class Shop {
public:
    Shop() {
        pid_ = fork();
        if (pid_ == 0) {
            const std::string port = fmt::format("PORT={}", port_);
            std::array<const char*, 2> words{SHOP_PROGRAM, nullptr};
            std::array<const char*, 2> env{port.c_str(), nullptr};
            execve(SHOP_PROGRAM, const_cast<char**>(words.data()), const_cast<char**>(env.data()));
            _exit(127);
        }
    }
    ~Shop() {
        kill(pid_, SIGKILL);
        kill(pid_, SIGCONT);
        if (!has_ended_) waitpid(pid_, nullptr, 0);
    }
    Shop(const Shop&) = delete;
    Shop& operator=(const Shop&) = delete;

    int port() const { return port_; }
    void signal(int number) const { kill(pid_, number); }
    int exit_code() {
        int status = 0;
        waitpid(pid_, &status, 0);
        has_ended_ = true;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }

private:
    int port_ = e2e::free_port();
    pid_t pid_ = -1;
    bool has_ended_ = false;
};

class Visitor {
public:
    explicit Visitor(int port) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<uint16_t>(port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        is_connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    }
    ~Visitor() { close(fd_); }
    Visitor(const Visitor&) = delete;
    Visitor& operator=(const Visitor&) = delete;

    bool is_connected() const { return is_connected_; }
    void ask() const {
        const std::string request = "GET /products HTTP/1.1\r\nHost: shop\r\n\r\n";
        REQUIRE(send(fd_, request.data(), request.size(), MSG_NOSIGNAL) > 0);
    }
    // What comes until the end of the list of products, or of the connection.
    std::string answer() const {
        std::string text;
        std::array<char, 4096> buffer{};
        while (!text.ends_with("}]")) {
            const ssize_t size = read(fd_, buffer.data(), buffer.size());
            if (size <= 0) break;
            text.append(buffer.data(), static_cast<size_t>(size));
        }
        return text;
    }
    bool is_closed() const {
        char byte = 0;
        return read(fd_, &byte, 1) == 0;
    }

private:
    int fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_connected_ = false;
};

}  // namespace

TEST_CASE("a request that meets the shop's end on an open connection is answered") {
    Shop shop;
    REQUIRE(e2e::wait_until(10s, [&] { return Visitor(shop.port()).is_connected(); }));
    const Visitor known(shop.port());
    known.ask();
    REQUIRE(known.answer().starts_with("HTTP/1.1 200"));

    // Held still, it finds the signal and the requests in one look.
    shop.signal(SIGSTOP);
    shop.signal(SIGTERM);
    known.ask();
    const Visitor queued(shop.port());
    REQUIRE(queued.is_connected());
    queued.ask();
    shop.signal(SIGCONT);

    for (const Visitor* visitor : {&known, &queued}) {
        const std::string answer = visitor->answer();
        CHECK(answer.starts_with("HTTP/1.1 200"));
        CHECK(answer.contains("Connection: close"));
        CHECK(visitor->is_closed());
    }
    CHECK(shop.exit_code() == 0);
}

TEST_CASE("connections that nobody uses do not hold the shop's end up") {
    Shop shop;
    REQUIRE(e2e::wait_until(10s, [&] { return Visitor(shop.port()).is_connected(); }));
    const Visitor idle(shop.port());
    idle.ask();
    REQUIRE(idle.answer().starts_with("HTTP/1.1 200"));
    shop.signal(SIGTERM);
    CHECK(idle.is_closed());
    CHECK(shop.exit_code() == 0);
}
