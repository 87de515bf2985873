#pragma once

#include "kubernetes/api.h"

#include <functional>
#include <string>
#include <string_view>

namespace serin::kubernetes {

struct LeaseSettings {
    std::string ns;
    std::string name;
    std::string identity;  // Of this process, different from every other's.
    // How long others wait for a sign of life before they take over.
    Duration duration{15'000};
    // How long a leader goes on without having renewed. The difference to `duration` is for clocks
    // that run at different speeds and writes that are on their way.
    Duration deadline{10'000};
    Duration renew_every{4'000};
    Duration retry_every{2'000};
};

// Leadership by a Lease of coordination.k8s.io: of all processes that ask for it, one at a time has
// it. Others' clocks are not believed: a lease is over when it has not changed for its duration on
// our own monotonic clock.
//
// REQUIRES: used on the loop.
class Lease {
public:
    // Api (and its loop) outlives it.
    Lease(Api& api, LeaseSettings settings);

    // Asks until it has it, then `on_taken`; once it is lost, `on_lost` with the reason, and
    // nothing more. Both on the loop.
    void start(std::function<void()> on_taken, std::function<void(const Error&)> on_lost);

    // Whether writing is safe at this very moment: even when the loop stood still for longer than
    // the deadline, so that nothing could be called. Refuses with `unavailable`.
    Result<> may_write() const;
    // The same before a write that may take long: renews if it is time, which the timer cannot
    // while the loop waits for an answer.
    Result<> keep();
    bool is_held() const { return is_held_; }
    // Who has it, as far as known.
    const std::string& holder() const { return holder_; }

    // Gives it back, so that the next one need not wait.
    void release();

private:
    void turn();
    Result<bool> take_or_renew();
    Result<json::Value> call(std::string_view method, std::string path, json::Value body = nullptr);
    Result<bool> create(const std::string& now);
    Result<bool> write(json::Value lease, const std::string& now);
    void lost(const Error& error);
    std::string path() const;
    json::Object spec(const std::string& now, const json::Value* former) const;

    Api& api_;
    LeaseSettings settings_;
    std::function<void()> on_taken_;
    std::function<void(const Error&)> on_lost_;
    EventLoop::Watch timer_;
    std::string holder_;
    std::string seen_version_;   // Of the lease, as it was last seen to change.
    Duration seen_at_{0};        // On the monotonic clock.
    Duration seen_duration_{0};  // That its holder asks for.
    Duration renewed_at_{0};     // Before the renewal that succeeded last was sent.
    Duration asked_at_{0};       // When renewing was tried last.
    json::Value known_;          // As we have written it last; null when that is not known.
    bool is_held_ = false;
};

}  // namespace serin::kubernetes
