#pragma once

namespace serin::kubernetes {
class KubernetesStore;
}
namespace serin::server {
class Exposition;
}

namespace serin::cli {

// What a process keeps of a cluster's objects, and asks of its API.
void add_store_metrics(const kubernetes::KubernetesStore& store, server::Exposition& out);

}  // namespace serin::cli
