#pragma once

#include "base/result.h"

#include <string>
#include <string_view>
#include <vector>

// How to reach a cluster, and as whom: from a kubeconfig file, or from what a pod finds in itself.

namespace serin::kubernetes {

// Never printed: it holds secrets.
struct ClusterConfig {
    std::string server;          // "https://10.0.0.1:6443", without a slash at the end.
    std::string ns = "default";  // Of the context, or of the pod.
    std::string context;         // For messages; empty in a pod.
    bool verify_peer = true;
    std::string ca_pem;  // Empty: the system's authorities.
    std::string certificate_pem;
    std::string key_pem;
    std::string token;
    std::string token_file;  // Read again now and then: a pod's token is replaced while it runs.
};

// Reads kubeconfig files as kubectl merges them (the first that says something wins; a file of the
// list that does not exist is passed over) and resolves `context`, or the current one. `invalid`
// with file and field for anything wrong; `not_found` when there is no file at all. Credential
// plugins (`exec`, `auth-provider`) and passwords are refused: programs of strangers are not run
// here, and a ServiceAccount token does the same.
Result<ClusterConfig> read_kubeconfig(
    const std::vector<std::string>& files, std::string_view context);

// In a pod: the ServiceAccount's folder, and the address from KUBERNETES_SERVICE_HOST and _PORT.
// `not_found` outside of one.
Result<ClusterConfig> in_cluster_config(
    const std::string& folder, std::string_view host, std::string_view port);

}  // namespace serin::kubernetes
