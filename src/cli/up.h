#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace serin::cli {

struct UpOptions {
    std::vector<std::string> paths;  // Manifests, applied at the start and when they change.
    std::string state_dir;
    std::string images_dir;  // Empty: `images` beside the manifests.
    std::string ns = "default";
    std::string address = "127.0.0.1";
    int port = 7717;
    std::string token_file;
    std::string tls_certificate;  // PEM files.
    std::string tls_key;
    std::string client_ca;
    std::string authorities;  // PEM file: whom metric providers' servers are certified by.
    std::string haproxy = "haproxy";
    std::string prometheus_address;         // For metrics that name none.
    std::uint64_t pod_descriptors_max = 0;  // Files a pod's process may have open; 0: as ours.
    bool logs_json = false;
    bool is_verbose = false;
};

// Runs Serin on this machine until SIGINT or SIGTERM. Pods and the data plane go on after it ends
// (`serin down` ends them). Returns the exit code.
int run_up(const UpOptions& options);

// Ends what `serin up` left running on a state folder: pods and HAProxy. Refuses while a server
// runs there.
int run_down(const std::string& state_dir, const std::string& haproxy);

}  // namespace serin::cli
