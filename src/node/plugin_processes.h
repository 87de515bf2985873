#pragma once

#include "ports/event_loop.h"
#include "ports/plugin_runner.h"

namespace serin::node {

// Plugins as processes: the request is the program's standard input, the answer its standard
// output, its standard error goes to the log. A program that is late, says too much or leaves
// children behind is killed with its whole process group; it ends with Serin too.
class PluginProcesses : public PluginRunner {
public:
    // `loop` outlives the runner and its calls.
    explicit PluginProcesses(EventLoop& loop) : loop_(loop) {}

    [[nodiscard]] std::unique_ptr<Call> call(PluginCall call, Done done) override;

private:
    EventLoop& loop_;
};

}  // namespace serin::node
