#pragma once

#include "ports/clock.h"
#include "ports/reconciler.h"

namespace serin::control {

// Removes Events an hour after they were last seen, as a cluster's API server does: they are news,
// and proof lies in the evidence log.
class EventExpiry : public Reconciler {
public:
    // Store and clock outlive this.
    EventExpiry(ObjectStore& store, const Clock& clock, Duration keep = std::chrono::hours(1))
        : store_(store), clock_(clock), keep_(keep) {}

    std::string_view name() const override { return "event-expiry"; }
    std::vector<Trigger> triggers() const override { return {on_change_of(types::event())}; }
    Result<CallAgain> reconcile(const ObjectKey& key) override;

private:
    ObjectStore& store_;
    const Clock& clock_;
    Duration keep_;
};

}  // namespace serin::control
