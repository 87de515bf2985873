#include "ports/manual_loop.h"

#include "base/check.h"

#include <algorithm>
#include <poll.h>

namespace serin {

struct ManualLoop::State {
    using Task = std::shared_ptr<std::function<void()>>;
    struct File {
        int fd = -1;
        Task task;
    };
    std::mutex mutex;  // Guards `posted` only.
    std::vector<std::function<void()>> posted;
    std::map<std::pair<Instant, std::int64_t>, Task> timers;  // In order of time, then of creation.
    std::map<std::int64_t, File> files;
    std::int64_t last_id = 0;
};

// A timer or a file watch in the loop's tables.
class ManualLoop::Entry : public EventLoop::Handle {
public:
    Entry(std::weak_ptr<State> state, Instant at, std::int64_t id)
        : state_(std::move(state)), at_(at), id_(id) {}
    ~Entry() override {
        const auto state = state_.lock();
        if (!state) return;
        state->timers.erase({at_, id_});
        state->files.erase(id_);
    }
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

private:
    std::weak_ptr<State> state_;
    Instant at_;
    std::int64_t id_;
};

ManualLoop::ManualLoop(Instant start) : now_(start), state_(std::make_shared<State>()) {}
ManualLoop::~ManualLoop() = default;

void ManualLoop::post(std::function<void()> task) {
    const std::lock_guard lock(state_->mutex);
    state_->posted.push_back(std::move(task));
}

EventLoop::Watch ManualLoop::after(Duration delay, std::function<void()> task) {
    const Instant at = now_ + std::max(delay, Duration(0));
    const std::int64_t id = ++state_->last_id;
    state_->timers[{at, id}] = std::make_shared<std::function<void()>>(std::move(task));
    return std::make_unique<Entry>(state_, at, id);
}

EventLoop::Watch ManualLoop::on_readable(int fd, std::function<void()> task) {
    const std::int64_t id = ++state_->last_id;
    state_->files[id] = {fd, std::make_shared<std::function<void()>>(std::move(task))};
    return std::make_unique<Entry>(state_, Instant{}, id);
}

bool ManualLoop::run_posted() {
    std::vector<std::function<void()>> tasks;
    {
        const std::lock_guard lock(state_->mutex);
        tasks.swap(state_->posted);
    }
    for (const auto& task : tasks) task();
    return !tasks.empty();
}

bool ManualLoop::run_due_timer() {
    const auto first = state_->timers.begin();
    if (first == state_->timers.end() || first->first.first > now_) return false;
    const State::Task task = std::move(first->second);
    state_->timers.erase(first);
    (*task)();
    return true;
}

bool ManualLoop::run_readable(int wait_ms) {
    std::vector<pollfd> polled;
    std::vector<std::int64_t> ids;
    for (const auto& [id, file] : state_->files) {
        polled.push_back({.fd = file.fd, .events = POLLIN, .revents = 0});
        ids.push_back(id);
    }
    if (polled.empty() && wait_ms == 0) return false;
    if (poll(polled.data(), polled.size(), wait_ms) <= 0) return false;
    for (size_t i = 0; i < polled.size(); ++i) {
        if (polled[i].revents == 0) continue;
        const auto found = state_->files.find(ids[i]);  // A task may have ended other watches.
        if (found == state_->files.end()) continue;
        const State::Task task = found->second.task;
        (*task)();
    }
    return true;
}

std::int64_t ManualLoop::run_until_idle() {
    std::int64_t rounds = 0;
    while (run_posted() || run_due_timer() || run_readable(0)) {
        ++rounds;
        SERIN_CHECK(rounds < 1'000'000);
    }
    return rounds;
}

void ManualLoop::advance(Duration by) {
    SERIN_CHECK(by >= Duration(0));
    const Instant end = now_ + by;
    run_until_idle();
    for (auto next = next_timer(); next && *next <= end; next = next_timer()) {
        now_ = std::max(now_, *next);
        run_until_idle();
    }
    now_ = end;
    run_until_idle();
}

bool ManualLoop::wait_until(const std::function<bool()>& is_done, Duration patience) {
    constexpr Duration step{5};
    for (Duration waited{0}; !is_done();) {
        if (run_until_idle() > 0) continue;
        if (waited >= patience) return false;
        if (!run_readable(static_cast<int>(step.count()))) waited += step;
    }
    return true;
}

std::optional<Instant> ManualLoop::next_timer() const {
    const auto first = state_->timers.begin();
    return first == state_->timers.end() ? std::nullopt : std::optional(first->first.first);
}

}  // namespace serin
