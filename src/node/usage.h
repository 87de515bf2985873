#pragma once

#include "base/time.h"
#include "node/process.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace serin::node {

// What a pod's processes take from the machine.
struct PodUsage {
    std::string ns;
    std::string pod;
    double cpu_cores = 0;           // Mean over the time between the last two samples.
    std::int64_t memory_bytes = 0;  // Resident, of all its processes.
};

// One reading of a process and all its descendants.
struct TreeSample {
    std::int64_t cpu_ticks = 0;  // Of the system's clock (sysconf(_SC_CLK_TCK)).
    std::int64_t memory_bytes = 0;
};
TreeSample sample_tree(const ProcessId& root);

// Turns readings into use: cores are the ticks between two readings.
class UsageMeter {
public:
    struct Pod {
        std::string uid;
        std::string ns;
        std::string name;
        std::vector<ProcessId> processes;
    };
    // Pods that are not listed are forgotten.
    void sample(const std::vector<Pod>& pods, Instant now);
    // In order of namespace and name.
    const std::vector<PodUsage>& latest() const { return latest_; }

private:
    struct Before {
        std::int64_t cpu_ticks = 0;
        Instant at;
    };
    std::map<std::string, Before> before_;  // By uid.
    std::vector<PodUsage> latest_;
};

}  // namespace serin::node
