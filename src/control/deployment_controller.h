#pragma once

#include "control/release_observe.h"
#include "ports/event_loop.h"
#include "ports/event_recorder.h"
#include "ports/evidence_log.h"
#include "ports/object_store.h"
#include "ports/reconciler.h"
#include "ports/traffic.h"

#include <string_view>
#include <vector>

namespace serin::control {

// Runs Deployments as releases without steps: the engine that moves Rollouts renews their replicas.
// A turn observes, decides, records, writes the status and acts; any turn may be lost or repeated.
class DeploymentController : public Reconciler {
public:
    // All outlive the controller.
    DeploymentController(
        EventLoop& loop, ObjectStore& store, EvidenceLog& evidence, TrafficRouter& router);

    std::string_view name() const override { return "deployment"; }
    std::vector<Trigger> triggers() const override;
    Result<CallAgain> reconcile(const ObjectKey& key) override;

private:
    Result<CallAgain> turn(Object deployment);
    Result<> show_change_cause(const ReleaseWorld& world, const std::string& revision);

    EventLoop& loop_;
    ObjectStore& store_;
    EvidenceLog& evidence_;
    TrafficRouter& router_;
    EventRecorder events_;
};

}  // namespace serin::control
