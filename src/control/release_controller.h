#pragma once

#include "control/hook_calls.h"
#include "control/rollout_index.h"
#include "manifest/argo/lowered_memory.h"
#include "ports/event_loop.h"
#include "ports/event_recorder.h"
#include "ports/evidence_log.h"
#include "ports/object_store.h"
#include "ports/reconciler.h"
#include "ports/traffic.h"

#include <string_view>
#include <utility>
#include <vector>

namespace serin::control {

// Moves Rollouts: one turn observes, decides, records, writes the status and acts, in this order.
// The status is the only state, so that any turn may be lost or repeated: a crash after the record
// repeats it under the same id, one after the status continues from there, one between two actions
// finds what is left to do by observing.
class ReleaseController : public Reconciler {
public:
    // All outlive the controller.
    ReleaseController(
        EventLoop& loop,
        ObjectStore& store,
        EvidenceLog& evidence,
        TrafficRouter& router,
        PluginRunner& plugins);

    std::string_view name() const override { return "release"; }
    std::vector<Trigger> triggers() const override;
    void attach(RequestTurn request) override { hooks_.attach(std::move(request)); }
    Result<CallAgain> reconcile(const ObjectKey& key) override;

private:
    Result<CallAgain> release_services(const ObjectKey& rollout);
    Result<CallAgain> turn(Object rollout);
    std::vector<ObjectKey> rollouts_of_service(const Object& service) const;
    std::vector<ObjectKey> rollouts_near(const Object& analysis_template) const;

    EventLoop& loop_;
    ObjectStore& store_;
    EvidenceLog& evidence_;
    TrafficRouter& router_;
    argo::LoweredMemory lowered_;
    mutable RolloutIndex index_;  // What triggers look up; they only learn of objects.
    EventRecorder events_;
    HookCalls hooks_;
};

}  // namespace serin::control
