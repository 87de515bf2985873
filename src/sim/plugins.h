#pragma once

#include "ports/plugin_runner.h"
#include "sim/router_plugin.h"
#include "sim/stage.h"

#include <cstdint>
#include <map>
#include <string>

namespace serin::sim {

// Plugins that take their time, err and fail, as the scenario tells.
class Plugins : public PluginRunner {
public:
    explicit Plugins(Stage& stage) : stage_(stage), random_(stage.random.fork(9)), router_(stage) {}

    [[nodiscard]] std::unique_ptr<Call> call(PluginCall call, Done done) override;

private:
    json::Object answer(const PluginCall& call);

    Stage& stage_;
    Random random_;
    RouterPlugin router_;
};

}  // namespace serin::sim
