#pragma once

#include "base/result.h"
#include "gateway/unique_fd.h"

#include <string>
#include <vector>

namespace serin::gateway {

struct Process {
    int pid = 0;
    UniqueFd handle;  // A pidfd: readable when the process has ended, never another's.
};

// Starts a program in a session of its own, so that it outlives us. It gets `inherited` under the
// same numbers, nothing as input and `log_path` as output. `unavailable` names why it cannot.
Result<Process> start_process(
    const std::vector<std::string>& command,
    const std::vector<int>& inherited,
    const std::string& log_path);

// A process that somebody else started. `not_found` when it has ended.
Result<Process> find_process(int pid);

// Sends a signal; harmless when the process has ended.
void signal_process(const Process& process, int signal);
// Collects the exit status if the process was started by us and has ended.
void reap_process(const Process& process);
bool has_ended(const Process& process);

// A copy of another process's file descriptor. `denied` where the system does not allow it.
Result<UniqueFd> copy_descriptor(const Process& process, int fd);

}  // namespace serin::gateway
