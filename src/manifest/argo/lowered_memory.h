#pragma once

#include "manifest/argo/lower.h"

#include <cstdint>
#include <map>
#include <string>

namespace serin::argo {

// Rollouts as plans, each lowered once for as long as all that lower() reads of it stays the same:
// the spec, which uid and generation stand for (a store counts every change of it), and which of
// two services that swap roles is the stable one, which stands in the status. A Rollout that takes
// its template from elsewhere is lowered each time, as nothing in it counts changes of that.
class LoweredMemory {
public:
    Lowered of(const Object& rollout);
    void forget(const ObjectKey& key) { known_.erase(key); }

private:
    struct Known {
        std::string uid;
        std::int64_t generation = 0;
        std::string stable_service;  // "ping", "pong", or empty.
        Lowered lowered;
    };

    std::map<ObjectKey, Known> known_;
};

}  // namespace serin::argo
