#pragma once

#include "ports/event_loop.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

namespace serin::server {

// Answers that go on for a while (watches, logs), each owned here until it is over.
class Sessions {
public:
    explicit Sessions(EventLoop& loop) : loop_(loop), open_(std::make_shared<Open>()) {}
    Sessions(const Sessions&) = delete;
    Sessions& operator=(const Sessions&) = delete;

    // Keeps `session`, and returns what ends it: soon, not within the call, so that a session may
    // end itself. What is returned may outlive the sessions.
    std::function<void()> keep(std::shared_ptr<void> session) {
        const std::int64_t id = ++last_id_;
        (*open_)[id] = std::move(session);
        return [&loop = loop_, open = std::weak_ptr<Open>(open_), id] {
            if (open.expired()) return;
            loop.post([open, id] {
                if (const auto sessions = open.lock()) sessions->erase(id);
            });
        };
    }
    size_t count() const { return open_->size(); }
    void clear() { open_->clear(); }

private:
    using Open = std::map<std::int64_t, std::shared_ptr<void>>;
    EventLoop& loop_;
    std::shared_ptr<Open> open_;
    std::int64_t last_id_ = 0;
};

}  // namespace serin::server
