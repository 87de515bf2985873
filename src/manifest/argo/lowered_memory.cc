#include "manifest/argo/lowered_memory.h"

namespace serin::argo {

Lowered LoweredMemory::of(const Object& rollout) {
    const bool is_counted = !rollout.uid().empty() && rollout.generation() > 0;
    if (!is_counted || rollout.find("/spec/workloadRef")) return lower(rollout);
    const std::string_view stable_service = rollout.text("/status/canary/stablePingPong");
    Known& known = known_[rollout.key()];
    if (known.uid != rollout.uid() || known.generation != rollout.generation() ||
        known.stable_service != stable_service) {
        known = {
            .uid = std::string(rollout.uid()),
            .generation = rollout.generation(),
            .stable_service = std::string(stable_service),
            .lowered = lower(rollout),
        };
    }
    return known.lowered;
}

}  // namespace serin::argo
