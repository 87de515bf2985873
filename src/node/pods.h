#pragma once

#include "node/pod_worker.h"
#include "node/reaper.h"
#include "node/usage.h"
#include "ports/log_source.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace serin::node {

// Pods to processes: one PodWorker for each Pod object, and an end to what has no object.
class Pods : public Reconciler, public LogSource {
public:
    Pods(
        EventLoop& loop,
        ObjectStore& store,
        HttpClient& http,
        EventRecorder& events,
        const NodeSettings& settings);

    // Takes on what runs, reaps what should not. Once, before the first turn.
    Result<> start();

    std::string_view name() const override { return "pod"; }
    std::vector<Trigger> triggers() const override;
    Result<CallAgain> reconcile(const ObjectKey& key) override;

    Result<std::unique_ptr<LogSource::Reading>> open(
        const LogQuery& query, OnChunk on_chunk, OnEnd on_end) override;

    const std::vector<PodUsage>& usage() const { return meter_.latest(); }

private:
    struct Worker {
        std::unique_ptr<PodWorker> pod;
        EventLoop::Watch retry;  // Of a turn that Pods asked for itself.
    };
    PodWorker& worker_of(const Object& pod);
    void request_turn(const ObjectKey& key);
    void turn_now(ObjectKey key);
    void let_go(const std::string& uid);
    void reap_unknown(const std::vector<Object>& known);
    void watch_over();
    PodWorker* find(const ObjectKey& key);

    EventLoop& loop_;
    ObjectStore& store_;
    const NodeSettings& settings_;
    Addresses addresses_;
    NodeWorld world_;
    Reaper reaper_;
    UsageMeter meter_;
    std::map<std::string, Worker> workers_;       // By uid.
    std::map<ObjectKey, std::string> uids_;       // The worker of a key.
    std::map<ObjectKey, EventLoop::Watch> soon_;  // Turns asked for, not yet made.
    EventLoop::Watch watch_timer_;
};

}  // namespace serin::node
