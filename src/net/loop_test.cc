#include "net/loop.h"

#include <doctest/doctest.h>

#include <csignal>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace serin::net {

using namespace std::chrono_literals;

namespace {

struct Pair {
    int left = -1;
    int right = -1;
    Pair() {
        int fds[2] = {-1, -1};
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
        left = fds[0];
        right = fds[1];
    }
    ~Pair() {
        ::close(left);
        ::close(right);
    }
    Pair(const Pair&) = delete;
    Pair& operator=(const Pair&) = delete;

    void send(std::string_view text) const {
        REQUIRE(::write(right, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    }
};

}  // namespace

TEST_CASE("timers run in order, and not when their handle is gone") {
    AsioLoop loop;
    std::string order;
    const auto second = loop.after(20ms, [&] { order += "b"; });
    const auto first = loop.after(1ms, [&] { order += "a"; });
    auto never = loop.after(5ms, [&] { order += "x"; });
    never.reset();
    const auto end = loop.after(40ms, [&] { loop.stop(); });
    loop.post([&] { order += "0"; });
    loop.run();
    CHECK(order == "0ab");
}

TEST_CASE("a timer's task may destroy its own handle, and a handle may outlive the loop") {
    EventLoop::Watch survivor;
    {
        AsioLoop loop;
        EventLoop::Watch self;
        self = loop.after(0ms, [&] {
            self.reset();
            loop.stop();
        });
        survivor = loop.after(1h, [] {});
        loop.run();
        CHECK(self == nullptr);
    }
    survivor.reset();
}

TEST_CASE("a readable file is told of for as long as something is unread, to every watch") {
    AsioLoop loop;
    const Pair pair;
    std::string read;
    int other = 0;
    auto watch = loop.on_readable(pair.left, [&] {
        char byte = 0;
        REQUIRE(::read(pair.left, &byte, 1) == 1);
        read += byte;
        if (read == "abc") loop.stop();
    });
    const auto second = loop.on_readable(pair.left, [&] { ++other; });
    pair.send("abc");
    loop.run();
    CHECK(read == "abc");
    CHECK(other > 0);

    watch.reset();
    pair.send("d");  // The descriptor is still open, and nobody is told.
    const auto end = loop.after(5ms, [&] { loop.stop(); });
    loop.run();
    CHECK(read == "abc");
    char byte = 0;
    CHECK(::read(pair.left, &byte, 1) == 1);
}

TEST_CASE("a file watch may be destroyed within its task") {
    AsioLoop loop;
    const Pair pair;
    EventLoop::Watch watch;
    int calls = 0;
    watch = loop.on_readable(pair.left, [&] {
        ++calls;
        watch.reset();
    });
    auto writable = loop.on_writable(pair.left, [&] { calls += 10; });
    pair.send("a");
    auto end = loop.after(20ms, [&] { loop.stop(); });
    writable.reset();
    loop.run();
    CHECK(calls == 1);
}

TEST_CASE("other threads can post and stop") {
    AsioLoop loop;
    int sum = 0;
    std::thread other([&] {
        for (int i = 0; i < 100; ++i) loop.post([&] { ++sum; });
        loop.post([&] { loop.stop(); });
    });
    loop.run();
    other.join();
    CHECK(sum == 100);
}

TEST_CASE("signals that are watched arrive as tasks") {
    AsioLoop loop;
    int got = 0;
    const auto watch = loop.on_signal({SIGUSR1, SIGTERM}, [&](int number) {
        got = number;
        loop.stop();
    });
    loop.post([] { ::raise(SIGTERM); });
    loop.run();
    CHECK(got == SIGTERM);
}

}  // namespace serin::net
