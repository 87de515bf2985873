#pragma once

#include "ports/reconciler.h"
#include "sim/stage.h"

#include <map>
#include <string>
#include <vector>

namespace serin::sim {

// ReplicaSets to pods, as far as a release sees them: counts that follow with delays. Pods start
// slowly, never get ready, come and go, and are evicted, as the scenario tells.
class Kubelet : public Reconciler {
public:
    explicit Kubelet(Stage& stage) : stage_(stage), random_(stage.random.fork(3)) {}

    std::string_view name() const override { return "kubelet"; }
    std::vector<Trigger> triggers() const override;
    void attach(RequestTurn request) override { request_ = std::move(request); }
    Result<CallAgain> reconcile(const ObjectKey& key) override;

    // Ends up to `count` ready pods, wherever they are; they are replaced.
    void evict(int count);
    // Something changed for all pods.
    void look_at_all();

    struct Pods {
        int desired = 0;
        int ready = 0;
        // Ready, or were so until something ended them that no controller asked for: what a
        // revision could carry if nothing had gone wrong.
        int able = 0;
    };
    // By ReplicaSet name: what is true now, which the status tells later.
    Pods pods_of(const std::string& group) const;
    int image_in(const std::string& group) const;
    // Of all ReplicaSets whose name begins so.
    Pods pods_with(const std::string& prefix) const;

private:
    struct Pod {
        Instant ready_at;
        Instant unready_at = Instant::max();
        bool is_ready = false;
        bool was_ready = false;
    };
    struct Group {
        std::vector<Pod> pods;
        int desired = 0;
        int image = 0;
        Duration ready_for{0};
        std::optional<Instant> report_at;
    };

    void start_and_stop(Group& group);
    void turn_pods(Group& group);
    Duration start_delay();
    Instant next_turn(const Group& group) const;
    Result<bool> report(const Object& set, const Group& group);

    Stage& stage_;
    Random random_;
    RequestTurn request_;
    std::map<std::string, Group> groups_;
};

}  // namespace serin::sim
