#include "net/loop.h"

#include "base/check.h"
#include "base/log.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <chrono>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

namespace serin::net {

namespace asio = boost::asio;
using boost::system::error_code;

struct AsioLoop::Core {
    asio::io_context io{1};
};

namespace {

// A handle keeps what Asio needs (`core`) alive, the pending handler only the operation: so neither
// keeps the other alive for ever.
template <class Operation>
class Pending : public EventLoop::Handle {
public:
    Pending(std::shared_ptr<void> core, std::shared_ptr<Operation> operation)
        : core_(std::move(core)), operation_(std::move(operation)) {}
    ~Pending() override { operation_->cancel(); }
    Pending(const Pending&) = delete;
    Pending& operator=(const Pending&) = delete;

private:
    std::shared_ptr<void> core_;
    std::shared_ptr<Operation> operation_;
};

struct Timer {
    asio::steady_timer timer;
    std::function<void()> task;
    bool is_cancelled = false;

    static void start(const std::shared_ptr<Timer>& self) {
        self->timer.async_wait([self](error_code error) {
            if (error || self->is_cancelled) return;
            // The task may destroy its own handle.
            const auto task = std::exchange(self->task, nullptr);
            task();
        });
    }
    void cancel() {
        is_cancelled = true;
        timer.cancel();
    }
};

// A copy of the descriptor is registered, so that one descriptor can be watched twice and never
// gets closed here.
struct FileWatch {
    asio::posix::stream_descriptor descriptor;
    asio::posix::stream_descriptor::wait_type interest;
    std::function<void()> task;
    bool is_cancelled = false;

    FileWatch(asio::io_context& io, int copy, decltype(interest) wanted, std::function<void()> run)
        : descriptor(io, copy), interest(wanted), task(std::move(run)) {}
    ~FileWatch() { release(); }
    FileWatch(const FileWatch&) = delete;
    FileWatch& operator=(const FileWatch&) = delete;

    static void start(const std::shared_ptr<FileWatch>& self) {
        self->descriptor.async_wait(self->interest, [self](error_code error) {
            if (self->is_cancelled) return;
            if (error) {
                log::error("file_watch_failed", {{"error", error.message()}});
                return;
            }
            self->task();
            if (!self->is_cancelled) start(self);
        });
    }
    void cancel() {
        is_cancelled = true;
        release();
    }
    // Closing a copy does not take it out of epoll while the original is open: it has to be
    // deregistered first, which release() does and close() leaves out.
    void release() {
        if (!descriptor.is_open()) return;
        const int copy = descriptor.release();
        ::close(copy);
    }
};

struct SignalWatch {
    asio::signal_set signals;
    std::function<void(int)> task;
    bool is_cancelled = false;

    static void start(const std::shared_ptr<SignalWatch>& self) {
        self->signals.async_wait([self](error_code error, int number) {
            if (error || self->is_cancelled) return;
            self->task(number);
            if (!self->is_cancelled) start(self);
        });
    }
    void cancel() {
        is_cancelled = true;
        error_code ignored;
        signals.clear(ignored);
        signals.cancel(ignored);
    }
};

EventLoop::Watch watch_file(
    const std::shared_ptr<void>& core,
    asio::io_context& io,
    int fd,
    asio::posix::stream_descriptor::wait_type interest,
    std::function<void()> task) {
    const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
    SERIN_CHECK(copy >= 0);
    auto watch = std::make_shared<FileWatch>(io, copy, interest, std::move(task));
    FileWatch::start(watch);
    return std::make_unique<Pending<FileWatch>>(core, std::move(watch));
}

}  // namespace

AsioLoop::AsioLoop() : core_(std::make_shared<Core>()) {}
AsioLoop::~AsioLoop() = default;

Instant AsioLoop::now() const {
    return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
}

void AsioLoop::post(std::function<void()> task) {
    asio::post(core_->io, std::move(task));
}

EventLoop::Watch AsioLoop::after(Duration delay, std::function<void()> task) {
    // A longer wait would overflow the clock's nanoseconds.
    constexpr Duration longest = std::chrono::years(10);
    auto timer = std::shared_ptr<Timer>(new Timer{
        .timer = asio::steady_timer(core_->io, std::min(delay, longest)), .task = std::move(task)});
    Timer::start(timer);
    return std::make_unique<Pending<Timer>>(core_, std::move(timer));
}

EventLoop::Watch AsioLoop::on_readable(int fd, std::function<void()> task) {
    return watch_file(
        core_, core_->io, fd, asio::posix::stream_descriptor::wait_read, std::move(task));
}

EventLoop::Watch AsioLoop::on_writable(int fd, std::function<void()> task) {
    return watch_file(
        core_, core_->io, fd, asio::posix::stream_descriptor::wait_write, std::move(task));
}

EventLoop::Watch AsioLoop::on_signal(
    const std::vector<int>& signals, std::function<void(int)> task) {
    auto watch = std::shared_ptr<SignalWatch>(
        new SignalWatch{.signals = asio::signal_set(core_->io), .task = std::move(task)});
    for (const int number : signals) watch->signals.add(number);
    SignalWatch::start(watch);
    return std::make_unique<Pending<SignalWatch>>(core_, std::move(watch));
}

void AsioLoop::run() {
    const auto stay = asio::make_work_guard(core_->io);
    core_->io.restart();
    core_->io.run();
}

void AsioLoop::stop() {
    core_->io.stop();
}

asio::io_context& AsioLoop::context() {
    return core_->io;
}

}  // namespace serin::net
