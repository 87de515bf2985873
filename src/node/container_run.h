#pragma once

#include "node/check.h"
#include "node/probe.h"
#include "node/process.h"
#include "node/record.h"
#include "ports/event_recorder.h"

#include <functional>
#include <memory>
#include <string>

namespace serin::node {

// One running process of a container: notices its end, runs its probes, stops it. Destroying it
// lets the process go on.
class ContainerRun {
public:
    // Called on the loop, never within a call to this class.
    struct Listener {
        std::function<void(ExitStatus)> on_exit;
        // `record.has_started` or `record.is_ready` has changed.
        std::function<void()> on_change;
        std::function<void(const std::string& reason, const std::string& message)> on_unhealthy;
        // The liveness or startup probe asks for a restart.
        std::function<void(const std::string& message, Duration grace)> on_restart_wanted;
    };

    // Takes on the process of the record, which runs; target and record outlive this. `not_found`
    // when the process has ended without leaving a trace.
    static Result<std::unique_ptr<ContainerRun>> take(
        CheckTarget target, ContainerRecord& record, Duration default_grace, Listener listener);

    // Runs the preStop hook, then SIGTERM (or lifecycle.stopSignal), then at `kill_at` SIGKILL.
    // Asking again can only bring the end nearer.
    void stop(Instant kill_at);
    bool is_stopping() const { return kill_at_.has_value(); }

private:
    ContainerRun(
        CheckTarget target, ContainerRecord& record, Duration default_grace, Listener listener);
    const json::Object* probe_spec(std::string_view member) const;
    void start_probes();
    void start_startup_probe(const json::Object& written);
    void start_liveness_probe(const json::Object& written);
    void start_readiness_probe(const json::Object& written);
    void set_ready(bool is_ready);
    void want_restart(
        std::string_view probe, const json::Object& written, const std::string& message);
    void terminate();

    CheckTarget target_;
    ContainerRecord& record_;
    Duration default_grace_;
    Listener listener_;
    FileDescriptor exit_;
    EventLoop::Watch exit_watch_;
    std::unique_ptr<Probe> startup_;
    std::unique_ptr<Probe> liveness_;
    std::unique_ptr<Probe> readiness_;
    std::unique_ptr<Check> pre_stop_;
    std::optional<Instant> kill_at_;
    EventLoop::Watch kill_timer_;
    EventLoop::Watch probe_change_;
};

}  // namespace serin::node
