#pragma once

#include "base/result.h"
#include "cli/api.h"

#include <string>
#include <vector>

namespace serin::cli {

// What the user said about where the server is; empty fields were not said.
struct ConnectOptions {
    std::string server;      // --server or SERIN_SERVER.
    std::string token_file;  // --token-file or SERIN_TOKEN_FILE.
    std::string ca_file;
    std::string state_dir;  // --state or SERIN_STATE.
    std::string ns;
    // A cluster: --kubeconfig, --context or SERIN_CONTEXT; `in_cluster` when the program was called
    // as kubectl's plugin `kubectl-serin`, whose cluster is that of kubectl.
    std::vector<std::string> kubeconfig;
    std::string context;
    bool in_cluster = false;
};

// $XDG_STATE_HOME/serin, by default ~/.local/state/serin.
std::string default_state_dir();

// The kubeconfig files that kubectl would read: those of KUBECONFIG, else ~/.kube/config.
std::vector<std::string> kubeconfig_files();

// Finds the server: a URL, a cluster's API, or what the server.json says that `serin up` keeps in
// its state folder: what was told, in this order. `unavailable` when no server runs there; the
// errors of kubernetes::read_kubeconfig.
Result<Connection> find_server(const ConnectOptions& options);

}  // namespace serin::cli
