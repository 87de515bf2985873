#pragma once

#include "ports/manual_loop.h"

namespace serin {

// A ManualLoop whose tasks may take time, as when one waits for an answer from far away: for tests
// of what a loop does that stands still now and then.
class StallingLoop : public ManualLoop {
public:
    using ManualLoop::ManualLoop;

    Instant now() const override { return ManualLoop::now() + stood_; }
    // To be called within a task. Timers that are due meanwhile come late.
    void stall(Duration by) { stood_ += by; }

private:
    Duration stood_{0};
};

}  // namespace serin
