#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace serin::cli {

struct ConnectOptions;

// Commands that talk to no server of Serin: added to `app`; the one that is given is handed to
// `choose`, to be run after the command line has been read. `connect` outlives it: what is said for
// all commands.
void add_standalone_commands(
    CLI::App& app, const ConnectOptions& connect, std::function<void(std::function<int()>)> choose);

}  // namespace serin::cli
