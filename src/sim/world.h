#pragma once

#include "ports/traffic.h"
#include "sim/referee.h"
#include "sim/scenario.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace serin::sim {

struct WorldSettings {
    // The router the release controller works with; empty: HTTPRoutes, as on one machine.
    std::function<std::unique_ptr<TrafficRouter>(ObjectStore&)> make_router;
    // Called with each line of what happens.
    std::function<void(const std::string&)> trace;
};

struct Outcome {
    std::optional<Violation> violation;
    std::string phase;  // Of the Rollout, at the end.
    std::string message;
    int releases = 0;         // Candidates that set out beside a stable revision.
    std::int64_t writes = 0;  // Of the controllers.
    std::int64_t tasks = 0;   // Of the loop.
    Duration lasted{0};
    std::string evidence_hash;  // Of the last entry of the evidence log.
    std::string last_line;
    // How often each rule of the engine decided ("rule step_completed"), each fault struck ("fault
    // route_refuses") and the story came to other places that are rare.
    std::map<std::string, std::int64_t, std::less<>> reached;
};

// Plays a scenario: the real controllers over the memory store, on virtual time, in a simulated
// world. After the last happening the world is calm, and the release has to come to rest. Equal
// scenarios have equal outcomes and traces, byte for byte.
Outcome play(const Scenario& scenario, const WorldSettings& settings = {});

}  // namespace serin::sim
