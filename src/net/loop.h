#pragma once

#include "ports/event_loop.h"

#include <functional>
#include <memory>
#include <vector>

namespace boost::asio {
class io_context;
}

namespace serin::net {

// The event loop of the real program: the system's clock, timers on the monotonic one, epoll.
class AsioLoop : public EventLoop {
public:
    AsioLoop();
    ~AsioLoop() override;
    AsioLoop(const AsioLoop&) = delete;
    AsioLoop& operator=(const AsioLoop&) = delete;

    Instant now() const override;
    void post(std::function<void()> task) override;
    [[nodiscard]] Watch after(Duration delay, std::function<void()> task) override;
    [[nodiscard]] Watch on_readable(int fd, std::function<void()> task) override;
    // As on_readable, for writing.
    [[nodiscard]] Watch on_writable(int fd, std::function<void()> task);

    // Calls `task` with the signal's number on the loop, instead of the signal's own effect.
    // Signals not named are left alone. REQUIRES: no other watch of the same signal.
    [[nodiscard]] Watch on_signal(const std::vector<int>& signals, std::function<void(int)> task);

    // Runs tasks on the calling thread until `stop`; can be called again after.
    void run();
    // Makes `run` return after the task that is running. Any thread may call it.
    void stop();

    boost::asio::io_context& context();

private:
    struct Core;
    std::shared_ptr<Core> core_;  // Shared with the handles, which may outlive the loop.
};

}  // namespace serin::net
