#pragma once

#include "ports/traffic.h"
#include "rehearse/scene.h"

#include <functional>
#include <string>
#include <vector>

namespace serin::rehearse {

// A router of any API: a split that is accepted at once, or refused, and comes into force later.
class SplitRouter : public TrafficRouter {
public:
    // `on_change` is called just before a split comes into force.
    SplitRouter(Scene& scene, std::function<void()> on_change);

    RouterLimits limits() const override;
    Result<std::vector<ObjectKey>> objects(const RouteTarget& target) const override;
    Result<SplitSeen> observe(const RouteTarget& target) const override;
    Result<> apply(const RouteTarget& target, Split wanted) override;
    // At once: the traffic rehearsed has no headers, and copies change nothing for users.
    Result<> apply_side_routes(
        const RouteTarget& target, const std::vector<SideRoute>& wanted) override;

    const Split& in_force() const { return in_force_; }
    // Called after a split has come into force.
    void on_arrival(std::function<void()> told) { told_ = std::move(told); }

private:
    void set_out();

    Scene& scene_;
    Chance chance_;
    std::function<void()> on_change_;
    std::function<void()> told_;
    Split written_;
    Split in_force_;
    std::vector<SideRoute> side_routes_;
    EventLoop::Watch arrival_;
};

}  // namespace serin::rehearse
