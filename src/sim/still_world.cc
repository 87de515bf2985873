#include "sim/still_world.h"

#include <utility>

namespace serin::sim {

std::vector<Trigger> StillKubelet::triggers() const {
    return {on_change_of(types::replica_set())};
}

Result<CallAgain> StillKubelet::reconcile(const ObjectKey& key) {
    auto set = store_.get(key);
    if (!set) return std::nullopt;
    const std::int64_t replicas = set->integer("/spec/replicas");
    set->put(
        "/status",
        json::Object{
            {"replicas", replicas},
            {"readyReplicas", replicas},
            {"availableReplicas", replicas},
            {"observedGeneration", set->generation()}});
    SERIN_TRY_DO(store_.update(*std::move(set), Part::status));
    return std::nullopt;
}

std::unique_ptr<PluginRunner::Call> NoPlugins::call(PluginCall /*call*/, Done done) {
    done(fail(ErrorKind::not_found, "there are no plugins"));
    return nullptr;
}

}  // namespace serin::sim
