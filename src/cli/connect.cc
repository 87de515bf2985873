#include "cli/connect.h"

#include "base/json.h"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace serin::cli {

std::string default_state_dir() {
    if (const char* base = std::getenv("XDG_STATE_HOME"); base != nullptr && *base == '/') {
        return std::string(base) + "/serin";
    }
    const char* home = std::getenv("HOME");
    return std::string(home == nullptr ? "/var/lib" : home) +
           (home == nullptr ? "/serin" : "/.local/state/serin");
}

Result<Connection> find_server(const ConnectOptions& options) {
    Connection connection{
        .url = options.server,
        .token_file = options.token_file,
        .ca_file = options.ca_file,
        .ns = options.ns.empty() ? "default" : options.ns,
        .state_dir = ""};
    if (!connection.url.empty()) {
        while (connection.url.ends_with('/')) connection.url.pop_back();
        return connection;
    }
    connection.state_dir = options.state_dir.empty() ? default_state_dir() : options.state_dir;
    const std::string path = connection.state_dir + "/server.json";
    std::ifstream file(path);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto document = json::parse(text);
    if (!file || !document) {
        return fail(
            ErrorKind::unavailable,
            fmt::format(
                "no server is running on the state folder {} (start one with `serin up`, or name "
                "one with --server or --state)",
                connection.state_dir));
    }
    connection.url = json::text(json::find(*document, "/url")).value_or("");
    if (connection.token_file.empty()) {
        connection.token_file = json::text(json::find(*document, "/token_file")).value_or("");
    }
    return connection;
}

}  // namespace serin::cli
