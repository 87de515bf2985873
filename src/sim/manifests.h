#pragma once

#include "sim/stage.h"

#include <optional>
#include <vector>

namespace serin::sim {

// The objects a person applies at first: services, route, analysis template and the Rollout.
std::vector<Object> make_manifests(const Scenario& scenario);
json::Array make_containers(int image);
json::Array make_steps(const std::vector<StepShape>& steps);
// Without a weight neither backend has one, as in manifests that leave it to the controller.
Object make_route(std::optional<int> candidate_weight);
// To the service of users alone, where all traffic moves at once.
Object make_flip_route();
json::Object make_blue_green(const Scenario& scenario);

}  // namespace serin::sim
