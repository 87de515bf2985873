#pragma once

#include "base/result.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

// Processes of the operating system: starting one without ever losing track of it, recognising it
// again later, ending it.

namespace serin::node {

// A file descriptor that is closed with its owner.
class FileDescriptor {
public:
    FileDescriptor() = default;
    explicit FileDescriptor(int fd) : fd_(fd) {}
    FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.release()) {}
    FileDescriptor& operator=(FileDescriptor&& other) noexcept;
    FileDescriptor(const FileDescriptor&) = delete;
    FileDescriptor& operator=(const FileDescriptor&) = delete;
    ~FileDescriptor() { reset(); }

    int get() const { return fd_; }
    bool is_open() const { return fd_ >= 0; }
    void reset();
    int release();

private:
    int fd_ = -1;
};

// A process, told apart from a later one with the same number by when it started. Holds for one
// boot of the machine.
struct ProcessId {
    pid_t pid = 0;                 // 0: none.
    std::uint64_t start_time = 0;  // Clock ticks after boot; /proc/<pid>/stat, field 22.

    friend bool operator==(const ProcessId&, const ProcessId&) = default;
};

// Identifies this boot of the machine; empty if the system does not tell.
std::string boot_id();

// Empty when there is no such process, or only its zombie.
std::optional<ProcessId> find_process(pid_t pid);

struct LaunchSpec {
    std::vector<std::string> argv;  // argv[0] without a slash is looked up in env's PATH.
    std::map<std::string, std::string> env;
    std::string directory;
    int input = -1;   // Standard input; -1: /dev/null, as for all three.
    int output = -1;  // Standard output, and standard error where `errors` is not given.
    int errors = -1;
    std::uint64_t descriptors_max = 0;  // How many files it may have open; 0: as many as we.
    // The process ends with the thread that started it: for helpers whose work is worth nothing
    // after that.
    bool dies_with_parent = false;
    // Called with the process's id while it waits and has run nothing of the program yet. If it
    // fails, or this process dies meanwhile, the program never runs: so what is written down here
    // covers every process there is.
    std::function<Result<>(const ProcessId&)> persist;
};

// Starts a program as the leader of a session and process group of its own, with no other files
// open than those named. `invalid` when the program cannot be executed;
// `unavailable` when the system has no room for a process.
Result<ProcessId> launch(const LaunchSpec& spec);

// Readable once the process has ended. `not_found` when it has ended already (and is no child of
// ours), or its number means another process now.
Result<FileDescriptor> watch_process(const ProcessId& process);

struct ExitStatus {
    bool is_known = false;  // Only a parent gets to know.
    int code = 0;           // By signal: 128 + signal, as shells and Kubernetes have it.
    int signal = 0;
};

// How the process ended; empty while it runs. Takes a child of ours off the system's table and
// before that ends what remains of its process group: a container ends with its first process. The
// group of a process that is no child is left alone, as its number may mean others by now.
std::optional<ExitStatus> collect(const ProcessId& process);

// Sends a signal to the whole process group of a process that is still the one meant; else nothing.
void signal_group(const ProcessId& process, int signal);

// Where a running process works: the environment it was started with and its folder. `not_found`
// when it has ended.
struct Whereabouts {
    std::map<std::string, std::string> env;
    std::string directory;
};
Result<Whereabouts> whereabouts_of(const ProcessId& process);

// The processes whose environment holds this variable with this value, however they came to be.
std::vector<ProcessId> processes_with(const std::string& variable, const std::string& value);

}  // namespace serin::node
