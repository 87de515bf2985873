#pragma once

#include <string>
#include <vector>

namespace serin::cli {

struct ControllerOptions {
    // Files as KUBECONFIG lists them. Empty: as a pod of the cluster.
    std::vector<std::string> kubeconfig;
    std::string context;                  // Empty: the current one.
    std::vector<std::string> namespaces;  // Whose releases; empty: all.
    std::string state_dir;                // Of the evidence log.
    std::string lease_ns;                 // Empty: the context's, or the pod's.
    std::string lease_name = "serin-controller";
    std::string identity;  // Empty: host name and process.
    std::string address = "127.0.0.1";
    int port = 8090;  // Of /healthz, /readyz and /metrics.
    std::string authorities;
    std::string prometheus_address;
    // Where the pods of serin gateways are; empty: where the Lease is.
    std::string gateway_ns;
    // File with the token that gateways want to see; it is read again at every connection.
    std::string gateway_token = "/var/run/secrets/serin/gateway/token";
    bool logs_json = false;
    bool is_verbose = false;
};

// Runs releases, analyses and experiments on a Kubernetes cluster until SIGINT or SIGTERM, as one
// of several processes of which one leads. Returns the exit code: `exit_error` also when leadership
// is lost, because nothing may be written then, and a fresh start knows no more than it has read.
int run_controller(const ControllerOptions& options);

}  // namespace serin::cli
