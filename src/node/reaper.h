#pragma once

#include "node/process.h"
#include "node/settings.h"
#include "ports/event_loop.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace serin::node {

// Ends what is left of pods that no longer exist: SIGTERM, a moment later SIGKILL, and when nothing
// runs any more their folders go. Processes are found by the pod's record and, in case that is
// lost, by their environment.
class Reaper {
public:
    // `on_reaped` is told the uid when nothing of the pod is left.
    Reaper(
        EventLoop& loop,
        const NodeSettings& settings,
        std::function<void(const std::string&)> on_reaped);

    // Idempotent.
    void reap(const std::string& uid);
    bool is_reaping(const std::string& uid) const { return pods_.contains(uid); }

private:
    struct Pod {
        std::vector<ProcessId> processes;
        Instant kill_at;
        EventLoop::Watch timer;
    };
    void look(const std::string& uid);

    EventLoop& loop_;
    const NodeSettings& settings_;
    std::function<void(const std::string&)> on_reaped_;
    std::map<std::string, Pod> pods_;
};

}  // namespace serin::node
