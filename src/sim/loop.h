#pragma once

#include "ports/event_loop.h"
#include "sim/random.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <tuple>

namespace serin::sim {

// The event loop of simulations, on virtual time. What is posted runs in order; timers due at the
// same instant run in an order of the seed's.
class Loop : public EventLoop {
public:
    Loop(Instant start, Random random);
    ~Loop() override;

    Instant now() const override { return now_; }
    void post(std::function<void()> task) override;
    [[nodiscard]] Watch after(Duration delay, std::function<void()> task) override;
    // REQUIRES: never called; nothing simulated reads files.
    [[nodiscard]] Watch on_readable(int fd, std::function<void()> task) override;

    // Runs tasks in the order of time until `end`, and `after_task` after each; ends early when
    // that returns false.
    void run_until(Instant end, const std::function<bool()>& after_task);

    // From now on each task takes so long, as turns do where there are very many of them.
    void set_task_cost(Duration cost) { task_cost_ = cost; }

    // Tasks that ran since time last moved: many mean that something turns in circles.
    std::int64_t tasks_at_once() const { return tasks_at_once_; }

private:
    struct State;
    class Timer;
    bool run_one(Instant end);

    Instant now_;
    Random random_;
    std::int64_t tasks_at_once_ = 0;
    Duration task_cost_{0};
    std::deque<std::function<void()>> posted_;
    std::shared_ptr<State> state_;  // Handles may outlive the loop.
};

}  // namespace serin::sim
