#pragma once

#include "ports/clock.h"
#include "ports/event_recorder.h"
#include "ports/object_store.h"
#include "ports/reconciler.h"

#include <string>
#include <vector>

namespace serin::node {

// Keeps spec.replicas pods for every ReplicaSet, as Kubernetes does: pods are told apart by their
// controlling owner, matching pods without one are adopted, the least useful ones go first, and the
// status says what is there (one write a change).
class ReplicaSets : public Reconciler {
public:
    // All three outlive the controller.
    ReplicaSets(ObjectStore& store, const Clock& clock, EventRecorder& events);

    std::string_view name() const override { return "replicaset"; }
    std::vector<Trigger> triggers() const override;
    Result<CallAgain> reconcile(const ObjectKey& key) override;

private:
    Result<std::vector<Object>> owned_pods(const Object& set);
    Result<> create_pods(const Object& set, std::int64_t count);
    Result<> remove_pods(const Object& set, std::vector<Object> pods, std::int64_t count);
    Result<> write_status(
        const Object& set, const std::vector<Object>& pods, const Result<>& creation);

    ObjectStore& store_;
    const Clock& clock_;
    EventRecorder& events_;
};

}  // namespace serin::node
