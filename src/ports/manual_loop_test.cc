#include "ports/manual_loop.h"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <thread>
#include <unistd.h>

namespace serin {

using namespace std::chrono_literals;

TEST_CASE("tasks run in order, timers at their instant, cancelled ones never") {
    ManualLoop loop;
    std::string seen;
    loop.post([&] {
        seen += 'a';
        loop.post([&] { seen += 'c'; });
    });
    loop.post([&] { seen += 'b'; });
    const auto late = loop.after(2s, [&] { seen += loop.now() == Instant{2s} ? 'L' : '?'; });
    const auto early = loop.after(1s, [&] { seen += loop.now() == Instant{1s} ? 'E' : '?'; });
    auto never = loop.after(1s, [&] { seen += '!'; });
    CHECK(seen.empty());

    loop.run_until_idle();
    CHECK(seen == "abc");
    never.reset();
    loop.advance(3s);
    CHECK(seen == "abcEL");
    CHECK(loop.now() == Instant{3s});
    CHECK_FALSE(loop.next_timer());
}

TEST_CASE("a readable file and another thread's post end a wait") {
    ManualLoop loop;
    std::array<int, 2> ends{};
    REQUIRE(pipe(ends.data()) == 0);
    char read_back = 0;
    auto watch = loop.on_readable(ends[0], [&] { CHECK(read(ends[0], &read_back, 1) == 1); });
    loop.run_until_idle();
    CHECK(read_back == 0);

    bool is_posted = false;
    std::jthread other([&] {
        loop.post([&] { is_posted = true; });
        CHECK(write(ends[1], "x", 1) == 1);
    });
    CHECK(loop.wait_until([&] { return is_posted && read_back == 'x'; }, 10s));
    CHECK_FALSE(loop.wait_until([] { return false; }, 10ms));
    watch.reset();
    close(ends[0]);
    close(ends[1]);
}

TEST_CASE("a handle may outlive its loop") {
    EventLoop::Watch timer;
    {
        ManualLoop loop;
        timer = loop.after(1s, [] {});
    }
    timer.reset();
}

}  // namespace serin
