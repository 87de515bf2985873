#pragma once

#include "cli/api.h"

#include <optional>
#include <string>
#include <vector>

// Who looks after a cluster's Rollouts.

namespace serin::cli {

// Of one namespace, whatever the connection's is.
Result<std::vector<Object>> list_in(Api& api, const ResourceType& type, const std::string& ns);

// These of the connection's namespace (`not_found` when one is missing), or all.
Result<std::vector<Object>> list_rollouts(
    Api& api, const std::vector<std::string>& names, bool all_namespaces);

// Deployments of Argo Rollouts' controller that have replicas, by the label that its manifests
// give them.
Result<std::vector<ObjectKey>> running_argo(Api& api);

// The holder of a valid Lease of `serin controller`, as "namespace/identity".
Result<std::optional<std::string>> find_leader(Api& api);

// The command of kubectl for it.
std::string scale_command(const ObjectKey& deployment, int replicas);

}  // namespace serin::cli
