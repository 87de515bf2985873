#pragma once

#include "base/result.h"
#include "cli/api.h"

#include <string>

namespace serin::cli {

// What the user said about where the server is; empty fields were not said.
struct ConnectOptions {
    std::string server;      // --server or SERIN_SERVER.
    std::string token_file;  // --token-file or SERIN_TOKEN_FILE.
    std::string ca_file;
    std::string state_dir;  // --state or SERIN_STATE.
    std::string ns;
};

// $XDG_STATE_HOME/serin, by default ~/.local/state/serin.
std::string default_state_dir();

// Finds the server: as told, or by the server.json that `serin up` keeps in its state folder.
// `unavailable` when no server runs there.
Result<Connection> find_server(const ConnectOptions& options);

}  // namespace serin::cli
