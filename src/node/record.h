#pragma once

#include "base/result.h"
#include "base/time.h"
#include "node/environment.h"
#include "node/process.h"

#include <optional>
#include <string>
#include <vector>

// What the node knows of a pod and must know again after a restart: pods/<uid>/pod.json. It is
// written before anything depends on it, so a process that runs is always in it.

namespace serin::node {

// How a run of a container ended.
struct ExitRecord {
    int code = 0;
    int signal = 0;
    std::string reason;  // "Completed", "Error", "StartError", "ContainerStatusUnknown".
    std::string message;
    Instant started;
    Instant finished;
    int run = 0;
};

struct ContainerRecord {
    std::string name;
    bool is_init = false;
    ProcessId process;  // pid 0: nothing runs.
    int run = 0;        // Counts from 0: how often it was restarted.
    Instant started;
    Duration backoff{0};                  // To wait after this run.
    std::optional<ExitRecord> exit;       // Of this run.
    std::optional<ExitRecord> last_exit;  // Of the run before.
    std::string image;
    bool has_started = false;  // Its startup probe has passed, or it has none.
    bool is_ready = false;

    bool is_running() const { return process.pid != 0; }
    // Nothing of it was ever tried.
    bool is_new() const { return !is_running() && !exit; }
};

struct PodRecord {
    std::string uid;
    std::string ns;
    std::string name;
    std::string boot_id;  // Of the boot in which the processes were started.
    std::string ip;
    PortMap ports;
    std::optional<Instant> deletion_seen;
    std::vector<ContainerRecord> containers;

    ContainerRecord* find(std::string_view container);
    const ContainerRecord* find(std::string_view container) const;
};

// `not_found` when there is none, `invalid` when it cannot be understood.
Result<PodRecord> read_record(const std::string& file);
Result<> write_record(const std::string& file, const PodRecord& record);

}  // namespace serin::node
