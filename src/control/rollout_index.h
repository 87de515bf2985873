#pragma once

#include "manifest/argo/lower.h"
#include "ports/object.h"
#include "ports/traffic.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace serin::control {

// Which Rollouts name an object: a change of a Service, route or workload must find those it
// concerns without reading every Rollout there is. It knows what it was shown, so it is shown every
// Rollout that an event or a turn brings along; one that it still names although it is gone costs a
// turn that finds nothing.
class RolloutIndex {
public:
    // `router` outlives the index.
    explicit RolloutIndex(const TrafficRouter& router) : router_(router) {}

    // Reads the Rollout only if its spec changed since.
    void see(const Object& rollout);
    // The same where it was read already.
    void see(const Object& rollout, const argo::Lowered& lowered);
    void forget(const ObjectKey& rollout);

    // In order.
    std::vector<ObjectKey> naming(const ObjectKey& object) const;

private:
    struct Known {
        std::string uid;
        std::int64_t generation = 0;
        std::set<ObjectKey> named;
    };
    bool is_known(const Object& rollout) const;
    void unlink(const ObjectKey& rollout, const Known& known);

    const TrafficRouter& router_;
    std::map<ObjectKey, Known> rollouts_;
    std::map<ObjectKey, std::set<ObjectKey>> naming_;
};

}  // namespace serin::control
