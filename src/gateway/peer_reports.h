#pragma once

#include "gateway/peers.h"
#include "ports/event_loop.h"
#include "ports/object_store.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace serin::gateway {

struct PeerSettings {
    std::string ns;    // Where reports are.
    std::string name;  // Of our report: the pod's name, if there is a pod.
    // This process, different from every other, and from one before in the same pod.
    std::string process;
    // Whether this process may write statuses at this moment: it has the Lease.
    std::function<bool()> leads;
    // The generations that the statuses of routes say are in force, by "namespace/name", as the API
    // has them now.
    std::function<Result<std::map<std::string, std::int64_t>>()> said;
};

// Gateways that know of each other by the reports they write (ports/gateway_report.h), each what it
// has in force, by route; docs/decisions/025-gateways-report.md tells why so.
//
// The one that leads admits the others: whoever serves what it serves itself is counted from then
// on, and takes requests only then. Whoever is counted stays so until its report goes: with the end
// of its process, or, unheard, with its pod. One that is cut off from the API, yet not from users,
// is counted, and nothing new is in force without it.
//
// REQUIRES: used on the loop.
class PeerReports : public Peers {
public:
    // All outlive it. `store` has the reports of the namespace in memory, and may be read for pods;
    // `fresh` asks the API each time. `on_change`: what agree() says may have changed, or speaks().
    PeerReports(
        EventLoop& loop,
        ObjectStore& store,
        const ObjectStore& fresh,
        PeerSettings settings,
        std::function<void()> on_change);

    // Writes a report that says nothing yet, until the API takes it. REQUIRES: the store is synced.
    void start();
    // From now on requests could be served: asks to be admitted.
    void serve();
    // Whether requests may come; see above.
    bool is_admitted() const;
    // Takes the report away. REQUIRES: this gateway takes no requests any more.
    Result<> leave();

    // How many are counted, this one among them.
    std::size_t counted() const;

    bool speaks() const override;
    void tell(const ObjectKey& route, std::int64_t generation, const InForce& in_force) override;
    void keep_only(const std::set<ObjectKey>& routes) override;
    bool agree(
        const ObjectKey& route, std::int64_t generation, const InForce& in_force) const override;

private:
    using Routes = std::map<std::string, std::string>;  // "shop/shop": "7 [{\"stable\":100}]".
    struct Report {
        std::int64_t version = 0;  // Of the object.
        std::string process;
        std::string admitted;  // The process that was.
        std::string pod_uid;   // "" without a pod.
        bool is_serving = false;
        Routes routes;
        bool is_counted() const { return !process.empty() && process == admitted; }
    };

    void tick();
    Result<> follow();
    Result<> join();
    Result<> write_changes();
    Result<> begin_to_speak();
    void look_at_others();
    Result<> admit(const std::string& name, const Report& report);
    Result<bool> may_admit(const std::string& name, const Report& report) const;
    bool has_ended(const std::string& name, const Report& report) const;
    void take(const Object& object);
    void changed();
    void write_soon();
    void warn_of_laggards();
    ObjectKey key(const std::string& name) const;
    Object own_report() const;

    EventLoop& loop_;
    ObjectStore& store_;
    const ObjectStore& fresh_;
    PeerSettings settings_;
    std::function<void()> on_change_;
    std::map<std::string, Report> reports_;  // By name, ours among them.
    Routes own_;
    Routes written_;
    std::map<std::string, Instant> lags_since_;
    std::unique_ptr<WatchHandle> watch_;
    EventLoop::Watch timer_;
    EventLoop::Watch write_timer_;
    EventLoop::Watch change_timer_;
    bool has_joined_ = false;
    bool is_serving_ = false;
    bool is_serving_written_ = false;
    bool speaks_ = false;
    bool has_left_ = false;
};

}  // namespace serin::gateway
