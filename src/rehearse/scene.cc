#include "rehearse/scene.h"

#include <chrono>

namespace serin::rehearse {

namespace {

Instant start_of_time() {
    return std::chrono::sys_days(std::chrono::year(2026) / 1 / 1);
}

}  // namespace

Scene::Scene(const Subject& rehearsed, const Settings& assumed, std::uint64_t seed)
    : subject(rehearsed),
      settings(assumed),
      chance(seed),
      loop(start_of_time(), sim::Random(seed).fork(2)),
      store(loop, "rehearsal-" + std::to_string(seed)) {}

const Fault* Scene::current(Fault::Kind kind) const {
    const Duration since = since_start();
    if (since < Duration(0)) return nullptr;
    for (const Fault& fault : settings.faults) {
        if (fault.kind == kind && fault.goes_on(since)) return &fault;
    }
    return nullptr;
}

}  // namespace serin::rehearse
