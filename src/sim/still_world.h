#pragma once

#include "ports/object_store.h"
#include "ports/plugin_runner.h"
#include "ports/reconciler.h"

#include <memory>
#include <string_view>
#include <vector>

namespace serin::sim {

// A world in which nothing takes time and nothing fails: what very many releases need around them
// where only the controllers are to be seen.

// Every ReplicaSet has what it wants at once, without pods.
class StillKubelet : public Reconciler {
public:
    // `store` outlives the kubelet.
    explicit StillKubelet(ObjectStore& store) : store_(store) {}

    std::string_view name() const override { return "kubelet"; }
    std::vector<Trigger> triggers() const override;
    Result<CallAgain> reconcile(const ObjectKey& key) override;

private:
    ObjectStore& store_;
};

// For releases without any.
class NoPlugins : public PluginRunner {
public:
    [[nodiscard]] std::unique_ptr<Call> call(PluginCall call, Done done) override;
};

}  // namespace serin::sim
