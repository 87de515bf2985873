#pragma once

namespace serin {
class ObjectStore;
}
namespace serin::server {
class Exposition;
}

namespace serin::cli {

// What the releases, analyses and experiments of a store look like now: under the names that Argo
// Rollouts gives them, so that its dashboards and alerts go on, and beside them what Argo has no
// name for (serin_*). Costs one pass over these objects.
void add_release_metrics(const ObjectStore& store, server::Exposition& out);

}  // namespace serin::cli
