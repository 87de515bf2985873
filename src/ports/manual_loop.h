#pragma once

#include "ports/event_loop.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace serin {

// An event loop that its owner cranks by hand, on virtual time: for tests and simulations. Nothing
// runs outside run_until_idle, advance and wait_until; time moves only in advance, and files are
// looked at without waiting, except in wait_until.
//
// Everything is called on one thread, except `post`.
class ManualLoop : public EventLoop {
public:
    explicit ManualLoop(Instant start = Instant{});
    ~ManualLoop() override;

    Instant now() const override { return now_; }
    void post(std::function<void()> task) override;
    [[nodiscard]] Watch after(Duration delay, std::function<void()> task) override;
    [[nodiscard]] Watch on_readable(int fd, std::function<void()> task) override;

    // Runs what is posted, due or readable until nothing is. Returns the number of rounds that
    // took. REQUIRES: the tasks come to rest (a million of them do not).
    std::int64_t run_until_idle();

    // Moves time forward, running each timer at its instant and everything that follows from it.
    void advance(Duration by);

    // Runs until `is_done`, waiting for files and for posts of other threads in real time, at most
    // about `patience`. Virtual time stands still. Returns whether it is done.
    bool wait_until(const std::function<bool()>& is_done, Duration patience);

    // The instant of the earliest pending timer.
    std::optional<Instant> next_timer() const;

private:
    struct State;
    class Entry;
    bool run_posted();
    bool run_due_timer();
    bool run_readable(int wait_ms);

    Instant now_;
    std::shared_ptr<State> state_;  // Handles may outlive the loop.
};

}  // namespace serin
