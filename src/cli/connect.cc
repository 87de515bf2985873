#include "cli/connect.h"

#include "base/json.h"
#include "kubernetes/config.h"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <utility>

namespace serin::cli {

std::string default_state_dir() {
    if (const char* base = std::getenv("XDG_STATE_HOME"); base != nullptr && *base == '/') {
        return std::string(base) + "/serin";
    }
    const char* home = std::getenv("HOME");
    return std::string(home == nullptr ? "/var/lib" : home) +
           (home == nullptr ? "/serin" : "/.local/state/serin");
}

std::vector<std::string> kubeconfig_files() {
    std::vector<std::string> files;
    if (const char* listed = std::getenv("KUBECONFIG"); listed != nullptr) {
        std::istringstream in{listed};
        for (std::string file; std::getline(in, file, ':');) {
            if (!file.empty()) files.push_back(file);
        }
    }
    if (files.empty()) {
        const char* home = std::getenv("HOME");
        files.push_back(std::string(home == nullptr ? "" : home) + "/.kube/config");
    }
    return files;
}

namespace {

Result<Connection> cluster_of(const ConnectOptions& options) {
    SERIN_TRY(
        kubernetes::ClusterConfig config,
        kubernetes::read_kubeconfig(
            options.kubeconfig.empty() ? kubeconfig_files() : options.kubeconfig, options.context));
    Connection connection;
    connection.url = std::move(config.server);
    connection.token_file = std::move(config.token_file);
    connection.ns = options.ns.empty() ? config.ns : options.ns;
    connection.cluster = std::move(config.context);
    connection.verify_peer = config.verify_peer;
    connection.ca_pem = std::move(config.ca_pem);
    connection.certificate_pem = std::move(config.certificate_pem);
    connection.key_pem = std::move(config.key_pem);
    connection.token = std::move(config.token);
    return connection;
}

}  // namespace

Result<Connection> find_server(const ConnectOptions& options) {
    const bool is_cluster =
        options.in_cluster || !options.kubeconfig.empty() || !options.context.empty();
    if (options.server.empty() && is_cluster) return cluster_of(options);
    Connection connection;
    connection.url = options.server;
    connection.token_file = options.token_file;
    connection.ca_file = options.ca_file;
    connection.ns = options.ns.empty() ? "default" : options.ns;
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
