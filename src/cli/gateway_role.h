#pragma once

#include <string>
#include <vector>

namespace serin::cli {

struct GatewayOptions {
    // Files as KUBECONFIG lists them. Empty: as a pod of the cluster.
    std::vector<std::string> kubeconfig;
    std::string context;                  // Empty: the current one.
    std::vector<std::string> namespaces;  // Whose routes; empty: all.
    std::string state_dir;                // Of HAProxy's files and sockets.
    std::string lease_ns;                 // Empty: the context's, or the pod's.
    std::string lease_name = "serin-gateway";
    std::string identity;  // Empty: host name and process.
    std::string address = "127.0.0.1";
    int port = 8091;                         // Of probes, metrics and outcomes.
    std::string listen_address = "0.0.0.0";  // Of Gateways that name no address.
    std::string reader;                      // Who may read outcomes; see --help.
    std::string haproxy = "haproxy";
    std::string authorities;
    int drain_seconds = 5;  // From the signal to end until new connections are refused.
    bool logs_json = false;
    bool is_verbose = false;
};

// Serves the Gateways of class "serin" of a Kubernetes cluster until SIGINT or SIGTERM, as one of
// several such processes. Returns the exit code: `exit_error` also when it cannot serve.
int run_gateway(const GatewayOptions& options);

}  // namespace serin::cli
