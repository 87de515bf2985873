#include "sim/loop.h"

#include "base/check.h"

#include <algorithm>
#include <utility>

namespace serin::sim {

struct Loop::State {
    // When, in which order among those at once, and which.
    using Key = std::tuple<Instant, std::uint64_t, std::int64_t>;
    std::map<Key, std::function<void()>> timers;
    std::int64_t last_id = 0;
};

class Loop::Timer : public EventLoop::Handle {
public:
    Timer(std::weak_ptr<State> state, State::Key key) : state_(std::move(state)), key_(key) {}
    ~Timer() override {
        if (const auto state = state_.lock()) state->timers.erase(key_);
    }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

private:
    std::weak_ptr<State> state_;
    State::Key key_;
};

Loop::Loop(Instant start, Random random)
    : now_(start), random_(random), state_(std::make_shared<State>()) {}
Loop::~Loop() = default;

void Loop::post(std::function<void()> task) {
    posted_.push_back(std::move(task));
}

EventLoop::Watch Loop::after(Duration delay, std::function<void()> task) {
    const Instant at = now_ + std::max(delay, Duration(0));
    const State::Key key(at, random_.next(), ++state_->last_id);
    state_->timers.emplace(key, std::move(task));
    return std::make_unique<Timer>(state_, key);
}

EventLoop::Watch Loop::on_readable(int /*fd*/, std::function<void()> /*task*/) {
    SERIN_CHECK(false);
    return nullptr;
}

bool Loop::run_one(Instant end) {
    std::function<void()> task;
    if (!posted_.empty()) {
        task = std::move(posted_.front());
        posted_.pop_front();
    } else {
        const auto first = state_->timers.begin();
        if (first == state_->timers.end() || std::get<Instant>(first->first) > end) return false;
        if (std::get<Instant>(first->first) > now_) {
            now_ = std::get<Instant>(first->first);
            tasks_at_once_ = 0;
        }
        task = std::move(first->second);
        state_->timers.erase(first);
    }
    ++tasks_at_once_;
    task();
    now_ += task_cost_;
    return true;
}

void Loop::run_until(Instant end, const std::function<bool()>& after_task) {
    while (run_one(end)) {
        if (!after_task()) return;
    }
    now_ = std::max(now_, end);
}

}  // namespace serin::sim
