#include "cli/cluster_metrics.h"

#include "kubernetes/store.h"
#include "server/exposition.h"

#include <string>

namespace serin::cli {

void add_store_metrics(const kubernetes::KubernetesStore& store, server::Exposition& out) {
    using Kind = server::Exposition::Kind;
    for (const auto& one : store.stats()) {
        const server::Exposition::Labels labels = {{"type", std::string(one.type)}};
        out.add(
            "serin_kubernetes_objects",
            Kind::gauge,
            "Objects of the cluster that are kept in memory.",
            static_cast<double>(one.objects),
            labels);
        out.add(
            "serin_kubernetes_lists_total",
            Kind::counter,
            "Lists of all objects of a type: at the start, and after a watch was outrun.",
            static_cast<double>(one.lists),
            labels);
    }
    out.add(
        "serin_kubernetes_writes_total",
        Kind::counter,
        "Writes sent to the cluster's API.",
        static_cast<double>(store.writes()));
}

}  // namespace serin::cli
