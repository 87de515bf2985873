#pragma once

#include "ports/reconciler.h"
#include "sim/kubelet.h"
#include "sim/stage.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace serin::sim {

// The gateway and its data plane: the route and its services come into force late, as a whole, and
// serin.dev/InForce tells it afterwards.
class DataPlane : public Reconciler {
public:
    DataPlane(Stage& stage, const Kubelet& kubelet)
        : stage_(stage), kubelet_(kubelet), random_(stage.random.fork(4)) {}

    std::string_view name() const override { return "data plane"; }
    std::vector<Trigger> triggers() const override;
    void attach(RequestTurn request) override { request_ = std::move(request); }
    Result<CallAgain> reconcile(const ObjectKey& key) override;

    // Comes back with the routing of before the last.
    void restart();

    struct Routing {
        std::string stable;  // Revision that each service selects; "" for any.
        std::string candidate;
        std::int64_t stable_weight = 1;
        std::int64_t candidate_weight = 0;
        std::string header_service;     // Some requests go there anyway; empty: none do.
        bool has_mirror_route = false;  // Copies do.
        json::Array weights_of_others;  // Of rules after the first, as InForce tells them.
        struct Arm {
            std::string service;  // Also the name of its ReplicaSet.
            std::string revision;
            std::int64_t weight = 0;
            friend bool operator==(const Arm&, const Arm&) = default;
        };
        std::vector<Arm> arms;               // Of experiments.
        std::int64_t generation = 0;         // Of the route.
        std::int64_t stable_generation = 0;  // Of the services.
        std::int64_t candidate_generation = 0;
        friend bool operator==(const Routing&, const Routing&) = default;

        // The share of requests, in permille, for pods of `revision`.
        std::int64_t share_of(const std::string& revision) const;
        // Requests beside the split reach pods of `revision`.
        bool has_side_of(const std::string& revision) const {
            return !header_service.empty() &&
                   (header_service == stable_service ? stable : candidate) == revision;
        }
    };
    // What requests meet now, before pods that are missing are avoided. Empty until there is any.
    const std::optional<Routing>& in_force() const { return in_force_; }
    // How long after `replaced` a route that was replaced then may still come into force at most:
    // as long as what goes wrong with the data plane in this story makes it take.
    Duration lag_max(Instant replaced) const;
    // How long after `written` what a route then asks for takes at most: what was on its way
    // arrives first.
    Duration turn_max(Instant written) const;
    // Counts the times when routing changed that nobody asked for.
    int mishaps() const { return mishaps_; }

private:
    Duration slowest() const;
    Duration down_since(Instant since) const;
    Result<Routing> read(const Object& route) const;
    CallAgain apply(const Routing& wanted);
    Result<CallAgain> report(const Object& route);
    Result<CallAgain> report_service(
        std::string_view name,
        const std::string& selected,
        std::int64_t generation,
        std::optional<Instant>& report_at);
    json::Object service_condition(const std::string& selected, std::int64_t generation) const;
    json::Object condition_of(const Object& route) const;
    bool has_pods(const std::string& revision) const;
    std::vector<Routing::Arm> read_arms(const Object& route) const;

    Stage& stage_;
    const Kubelet& kubelet_;
    Random random_;
    RequestTurn request_;
    std::optional<Routing> in_force_;
    std::optional<Routing> former_;
    std::optional<Routing> coming_;
    Instant coming_at_;
    std::optional<Instant> report_at_;
    std::optional<Instant> stable_report_at_;
    std::optional<Instant> candidate_report_at_;
    int mishaps_ = 0;
};

}  // namespace serin::sim
