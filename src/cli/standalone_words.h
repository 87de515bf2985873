#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace serin::cli {

// Commands that talk to no server of Serin: added to `app`; the one that is given is handed to
// `choose`, to be run after the command line has been read.
void add_standalone_commands(CLI::App& app, std::function<void(std::function<int()>)> choose);

}  // namespace serin::cli
