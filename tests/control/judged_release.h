#pragma once

#include "small_world.h"
#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

// A release with a pause and a judge, and its way from the new image to its end.

namespace serin::control {

inline constexpr const char* judged_steps = R"([{"setWeight": 5}, {"pause": {"duration": 10}},
    {"setWeight": 50}, {"analysis": {"templates": [{"templateName": "success-rate"}]}}])";

inline void finish_runs(SmallWorld& world, const std::string& phase) {
    for (const Object& run : world.runs()) {
        if (run.text("/status/phase").empty()) {
            world.finish_run(std::string(run.name()), phase, "judged");
        }
    }
}

inline void release(SmallWorld& world, const std::string& verdict) {
    world.set_image("shop:v2");
    world.advance(std::chrono::seconds(40));
    finish_runs(world, verdict);
    world.advance(std::chrono::seconds(40));
    finish_runs(world, verdict);
    world.advance(std::chrono::seconds(90));
}

inline std::vector<int> without_repeats(std::vector<int> weights) {
    weights.erase(std::unique(weights.begin(), weights.end()), weights.end());
    return weights;
}

}  // namespace serin::control
