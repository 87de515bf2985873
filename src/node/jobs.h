#pragma once

#include "ports/clock.h"
#include "ports/event_recorder.h"
#include "ports/object_store.h"
#include "ports/reconciler.h"

#include <optional>
#include <string>
#include <vector>

namespace serin::node {

// Runs every Job to its end, as Kubernetes does: pods until spec.completions have succeeded (at
// most spec.parallelism at a time), a new one after a failed one with growing delay until
// spec.backoffLimit, and an end by spec.activeDeadlineSeconds. Finished pods stay with their logs
// until the Job goes, which spec.ttlSecondsAfterFinished may ask for.
class Jobs : public Reconciler {
public:
    // All three outlive the controller.
    Jobs(ObjectStore& store, const Clock& clock, EventRecorder& events);

    std::string_view name() const override { return "job"; }
    std::vector<Trigger> triggers() const override;
    Result<CallAgain> reconcile(const ObjectKey& key) override;

private:
    struct Count;

    Result<CallAgain> run(const Object& job);
    Result<CallAgain> expire(const Object& job);
    std::optional<json::Object> ending(
        const Object& job, const Count& count, Instant started) const;
    Result<CallAgain> end(
        const Object& job, const Count& count, json::Object status, const json::Object& condition);
    Result<> create_pods(const Object& job, const Count& count, std::int64_t missing);
    Result<std::vector<Object>> owned_pods(const Object& job);
    Result<> remove_pods(const std::vector<Object>& pods);
    Result<> write_status(const Object& job, json::Object status);

    ObjectStore& store_;
    const Clock& clock_;
    EventRecorder& events_;
};

}  // namespace serin::node
