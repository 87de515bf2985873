#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace serin::cli {

struct ConnectOptions;

// Where the server is, as words for all commands: into `connect`, which outlives `app`, and has
// what the environment says until the command line has been read.
void add_connection_words(CLI::App& app, ConnectOptions& connect);

// Commands that talk to no server of Serin: added to `app`; the one that is given is handed to
// `choose`, to be run after the command line has been read. `connect` outlives it: what is said for
// all commands.
void add_standalone_commands(
    CLI::App& app, const ConnectOptions& connect, std::function<void(std::function<int()>)> choose);

// `adopt` and `eject` (adopt_words.cc), as above.
void add_adopt_commands(
    CLI::App& app, const ConnectOptions& connect, std::function<void(std::function<int()>)> choose);

}  // namespace serin::cli
