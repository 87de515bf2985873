#pragma once

#include "control/deployment_controller.h"
#include "control/manager.h"
#include "control/release_controller.h"
#include "control/router_plugins.h"
#include "ports/manual_loop.h"
#include "ports/plugin_runner.h"
#include "ports/traffic.h"
#include "store/memory.h"
#include "traffic/plugin_router.h"

#include "ground.h"
#include <functional>
#include <memory>
#include <string>
#include <vector>

// A world that is just large enough for a release: replicas that become available at once (or
// never, for images that are broken), and a data plane that does what its route says (or does not
// confirm).

namespace serin::control {

// Weights live in an HTTPRoute; what is in force, in its status.
class RouteWeights : public TrafficRouter {
public:
    explicit RouteWeights(ObjectStore& store) : store_(store) {}

    RouterLimits limits() const override { return {.can_verify = true}; }
    Result<std::vector<ObjectKey>> objects(const RouteTarget& target) const override;
    Result<SplitSeen> observe(const RouteTarget& target) const override;
    Result<> apply(const RouteTarget& target, Split wanted) override;

    std::vector<int> written;  // Every weight that was ever applied, in order.

private:
    ObjectKey key(const RouteTarget& target) const;
    ObjectStore& store_;
};

class Kubelet : public Reconciler {
public:
    explicit Kubelet(ObjectStore& store) : store_(store) {}
    std::string_view name() const override { return "kubelet"; }
    std::vector<Trigger> triggers() const override;
    Result<CallAgain> reconcile(const ObjectKey& key) override;

    std::string broken_image;  // Its replicas never become available.

private:
    ObjectStore& store_;
};

class DataPlane : public Reconciler {
public:
    explicit DataPlane(ObjectStore& store) : store_(store) {}
    std::string_view name() const override { return "data plane"; }
    std::vector<Trigger> triggers() const override;
    Result<CallAgain> reconcile(const ObjectKey& key) override;

    bool confirms = true;

private:
    ObjectStore& store_;
};

// Plugins that answer what they are told to; see `answers`.
class Plugins : public PluginRunner {
public:
    explicit Plugins(ManualLoop& loop) : loop_(loop) {}
    [[nodiscard]] std::unique_ptr<Call> call(PluginCall call, Done done) override;

    std::vector<json::Object> asked;
    std::vector<std::string> answers;  // JSON, in order; the last one stays. "": an error.
    // Set: answers instead of the list.
    std::function<std::string(const json::Object&)> answer_to;

private:
    ManualLoop& loop_;
};

class SmallWorld {
public:
    static constexpr Instant start{std::chrono::hours(1'000'000 / 60)};

    explicit SmallWorld(std::unique_ptr<Ground> under = make_ground(start));

    // Applies the manifests of the shop: services, route, Rollout with these steps (JSON).
    void install(const std::string& steps, const std::string& more = "{}");
    void add(const Object& object);
    void set_image(const std::string& image);
    // Merges a patch into the Rollout, or into its status.
    void patch(const std::string& change);
    void patch_status(const std::string& change);
    void settle();
    void advance(Duration by);
    // Replaces the controllers, as a restart does.
    void restart();

    Object rollout() const;
    ObjectKey key(const ResourceType& type, const std::string& name) const;
    Object get(const ResourceType& type, const std::string& name) const;
    std::string phase() const { return std::string(rollout().text("/status/phase")); }
    std::string message() const { return std::string(rollout().text("/status/message")); }
    int weight() const;
    // ReplicaSet of this image; empty when there is none.
    Object group(const std::string& image) const;
    int replicas(const std::string& image) const;
    std::vector<Object> runs() const;
    void finish_run(const std::string& name, const std::string& phase, const std::string& message);
    std::vector<std::string> event_reasons() const;

    bool is_own_write = false;  // A person writes, not a controller.

    std::unique_ptr<Ground> ground;
    const std::string& ns;
    ManualLoop& loop;
    ObjectStore& store;  // As everybody but the controllers sees it.
    store::MemoryEvidenceLog evidence;
    RouteWeights router;
    traffic::PluginRouter plugin_router;
    traffic::Routers routers;
    Kubelet kubelet;
    DataPlane data_plane;
    Plugins plugins;
    std::unique_ptr<ReleaseController> controller;
    std::unique_ptr<DeploymentController> deployments;
    std::unique_ptr<RouterPlugins> router_plugins;
    std::unique_ptr<Manager> manager;
    std::unique_ptr<Manager> played;  // What a cluster has of its own.
};

}  // namespace serin::control
