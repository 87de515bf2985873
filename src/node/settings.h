#pragma once

#include "base/time.h"

#include <cstdint>
#include <map>
#include <string>

namespace serin::node {

// What the node may be told; the durations default to what a kubelet does.
struct NodeSettings {
    std::string state_dir;   // Holds pods/<uid>/; see ARCHITECTURE.md, "State on disk".
    std::string images_dir;  // Holds the release folders, <name>/<tag>.
    std::string node_name = "localhost";
    // What every process starts with; images and manifests add to it and override it.
    std::map<std::string, std::string> base_env = {
        {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}};

    // How many files each may have open; 0: as many as this process.
    std::uint64_t descriptors_max = 0;

    // Below the ports that Linux gives to outgoing connections.
    int port_first = 20'000;
    int port_last = 32'767;

    Duration backoff_first{10'000};  // Before the second restart; it doubles from there.
    Duration backoff_most{300'000};
    Duration backoff_reset{600'000};  // A run of this length is forgiven what was before it.
    Duration image_poll{1'000};       // How soon a release folder that appears is noticed.
    Duration config_poll{5'000};      // The same for a ConfigMap or Secret (news come at once).
    // Between SIGTERM and SIGKILL for processes whose pod is gone, and at least for any other.
    Duration kill_delay{2'000};

    std::int64_t log_bytes_max = 10 << 20;  // Of one file; then it is put aside.
    int log_files_max = 3;                  // Including the one being written.
    Duration log_poll{500};                 // How soon a follower sees a line.
    Duration watch_interval{5'000};         // Between looks at log sizes and resource use.
};

}  // namespace serin::node
