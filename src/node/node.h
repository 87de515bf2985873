#pragma once

#include "node/jobs.h"
#include "node/pods.h"
#include "node/replica_sets.h"
#include "node/settings.h"
#include "node/usage.h"
#include "ports/event_recorder.h"
#include "ports/log_source.h"
#include "ports/reconciler.h"

#include <string_view>
#include <vector>

namespace serin::node {

// One machine as a node: ReplicaSets and Jobs become Pods, Pods become supervised processes, which
// outlive Serin. Everything happens on the event loop. Destroying the node ends no process; the
// next one with the same state folder takes them on.
//
// REQUIRES: nobody else uses the state folder; loop, store and client outlive the node.
class Node {
public:
    Node(EventLoop& loop, ObjectStore& store, HttpClient& http, NodeSettings settings);
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;

    // Takes on the pods' processes that run, notes those that ended meanwhile and reaps those whose
    // pod is gone. Once, before the reconcilers are run. `unavailable` when the state folder cannot
    // be used.
    Result<> start() { return pods_.start(); }

    // Belong to the node.
    std::vector<Reconciler*> reconcilers() { return {&replica_sets_, &jobs_, &pods_}; }

    // REQUIRES: readings end before the node does.
    LogSource& logs() { return pods_; }

    // What pods with processes use, as of the last sample (every NodeSettings::watch_interval).
    const std::vector<PodUsage>& usage() const { return pods_.usage(); }
    // Null for a pod without processes.
    const PodUsage* usage(std::string_view ns, std::string_view pod) const;

private:
    NodeSettings settings_;
    EventRecorder events_;
    ReplicaSets replica_sets_;
    Jobs jobs_;
    Pods pods_;
};

}  // namespace serin::node
