#pragma once

#include "ports/reconciler.h"
#include "rehearse/scene.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace serin::rehearse {

// The kubelets and Services of a rehearsal: ReplicaSets become pods that start, and crash where a
// fault says so; what each Service selects is remembered.
class Workload : public Reconciler {
public:
    // `on_change` is called just before pods or selectors that traffic meets change.
    Workload(Scene& scene, std::function<void()> on_change);

    std::string_view name() const override { return "workload"; }
    std::vector<Trigger> triggers() const override;
    Result<CallAgain> reconcile(const ObjectKey& key) override;

    // By revision of the Rollout: pods that are ready. Those of experiments do not count.
    std::map<std::string, int> ready() const;
    // The revision that the Service selects alone, or "".
    std::string selected_by(const std::string& service) const;
    int pods() const;

private:
    struct Pod {
        Instant ready_at;
        Instant crash_at = Instant::max();
        bool is_ready = false;
    };
    struct Group {
        std::vector<Pod> pods;
        std::string revision;
        bool is_released = false;  // The Rollout's own.
        Duration ready_for{0};
    };

    void resize(Group& group, std::size_t desired);
    void turn_pods(Group& group);
    Pod new_pod(const Group& group);
    Instant next_turn(const Group& group) const;
    Result<> report(const Object& set, const Group& group);

    Scene& scene_;
    Chance chance_;
    std::function<void()> on_change_;
    std::map<std::string, Group> groups_;          // By ReplicaSet.
    std::map<std::string, std::string> selected_;  // By Service.
};

}  // namespace serin::rehearse
