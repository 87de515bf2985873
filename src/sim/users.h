#pragma once

#include "ports/request_stream.h"
#include "sim/data_plane.h"
#include "sim/kubelet.h"
#include "sim/stage.h"

#include <cstdint>
#include <map>
#include <string>

namespace serin::sim {

// Those who send requests, where the scenario has something that watches them: to the versions that
// the routing in force leads them to. An image that is wrong fails every fifth of them.
class Users {
public:
    Users(Stage& stage, const Kubelet& kubelet, const DataPlane& plane)
        : stage_(stage), kubelet_(kubelet), plane_(plane), random_(stage.random.fork(12)) {}

    void start();
    // Who is told of each request from now on; null: the controllers are down, and nobody is.
    void tell(OutcomeSink* sink) { sink_ = sink; }

    struct Answers {
        std::int64_t requests = 0;
        std::int64_t failed = 0;
    };
    // Of a revision, as far as somebody was told; and all.
    Answers told(const std::string& revision) const;
    Answers all(const std::string& revision) const;

private:
    void tick();
    void ask();

    Stage& stage_;
    const Kubelet& kubelet_;
    const DataPlane& plane_;
    Random random_;
    OutcomeSink* sink_ = nullptr;
    std::map<std::string, Answers> told_;
    std::map<std::string, Answers> all_;
    EventLoop::Watch timer_;
};

}  // namespace serin::sim
