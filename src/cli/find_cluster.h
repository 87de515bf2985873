#pragma once

#include "base/result.h"
#include "base/time.h"
#include "kubernetes/config.h"

#include <string>
#include <vector>

namespace serin::cli {

// The cluster of these kubeconfig files, merged as kubectl does. Without any: the cluster whose pod
// this is, else that of ~/.kube/config.
Result<kubernetes::ClusterConfig> find_cluster(
    const std::vector<std::string>& kubeconfig, const std::string& context);

// A name for this process that no other one has: host, process and start.
std::string process_identity(Instant now);

}  // namespace serin::cli
