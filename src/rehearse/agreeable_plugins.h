#pragma once

#include "ports/event_loop.h"
#include "ports/plugin_runner.h"

namespace serin::rehearse {

// Plugins of a rehearsal: programs with effects in the world are not run, and each is taken to
// succeed after a second.
class AgreeablePlugins : public PluginRunner {
public:
    explicit AgreeablePlugins(EventLoop& loop) : loop_(loop) {}

    [[nodiscard]] std::unique_ptr<Call> call(PluginCall call, Done done) override;

private:
    EventLoop& loop_;
};

}  // namespace serin::rehearse
