#include "cli/find_cluster.h"

#include "cli/connect.h"

#include <fmt/format.h>

#include <cstdlib>
#include <unistd.h>

namespace serin::cli {

namespace {

constexpr const char* service_account_dir = "/var/run/secrets/kubernetes.io/serviceaccount";

std::string from_environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

}  // namespace

Result<kubernetes::ClusterConfig> find_cluster(
    const std::vector<std::string>& kubeconfig, const std::string& context) {
    if (!kubeconfig.empty()) return kubernetes::read_kubeconfig(kubeconfig, context);
    auto config = kubernetes::in_cluster_config(
        service_account_dir,
        from_environment("KUBERNETES_SERVICE_HOST"),
        from_environment("KUBERNETES_SERVICE_PORT"));
    if (config || config.error().kind != ErrorKind::not_found) return config;
    return kubernetes::read_kubeconfig(kubeconfig_files(), context);
}

std::string process_identity(Instant now) {
    std::string host(256, '\0');
    if (gethostname(host.data(), host.size() - 1) != 0) host = "unknown";
    return fmt::format("{}_{}_{}", host.c_str(), getpid(), now.time_since_epoch().count());
}

}  // namespace serin::cli
