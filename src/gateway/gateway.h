#pragma once

#include "gateway/build_table.h"
#include "ports/event_loop.h"
#include "ports/object_store.h"
#include "ports/reconciler.h"
#include "ports/request_copies.h"
#include "ports/request_stream.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace serin::gateway {

class CopyOrders;
class DataPlane;
class Peers;
struct InForce;

struct GatewaySettings {
    std::string state_dir;  // Absolute; made with mode 0700. Its path has at most 80 bytes.
    std::string haproxy_binary = "haproxy";
    std::string default_address = "127.0.0.1";  // Of a Gateway without spec.addresses.
    // Pods belong to kubelets, which end them without waiting for anybody, so they are not marked;
    // Services count no generations there, so nothing is said about them. The GatewayClass has to
    // exist. Secrets are read by name, when a listener names them, and again every minute.
    bool is_in_cluster = false;
    // Other gateways beside this one; it outlives this one. Null: there are none.
    Peers* peers = nullptr;
};

// Serves Gateways of class "serin" with HAProxy: routing, splits, pods in and out of rotation,
// statuses read back from the data plane, and every request's outcome to the sink (on a thread of
// the gateway's own). See ARCHITECTURE.md, "Traffic", for what other components may rely on.
//
// The HAProxy processes outlive this object and this program; the next gateway on the same
// state_dir adopts them. Used on the event loop's thread.
class HaproxyGateway {
public:
    HaproxyGateway(
        EventLoop& loop, ObjectStore& store, OutcomeSink& sink, GatewaySettings settings);
    ~HaproxyGateway();  // As detach().
    HaproxyGateway(const HaproxyGateway&) = delete;
    HaproxyGateway& operator=(const HaproxyGateway&) = delete;

    // Adopts what runs and writes the GatewayClass. Nothing of the data plane is changed before the
    // first turn of a reconciler has read the store.
    Result<> start();
    // For the manager; they live as long as the gateway.
    std::vector<Reconciler*> reconcilers();

    // Of requests to its rules. Lives as long as the gateway.
    RequestCopies& copies();

    // Lets go: HAProxy goes on serving as it is. No reconciler may be called after.
    void detach();
    // Stops HAProxy, at most after `patience` for the requests in flight, and takes all pods out of
    // rotation. Blocks. No reconciler may be called after.
    void shut_down(Duration patience = Duration(5000));

    // Process id of the HAProxy that serves; 0 without one.
    int haproxy_pid() const;
    // The objects have been read, and what they ask for is served, or there is nothing to serve.
    bool is_serving() const;
    // Writes the statuses anew: peers have told something, or this one speaks for them now.
    void report();

private:
    class TableReconciler;
    class RouteReconciler;

    Result<> serve_all();
    Result<> serve_route(const ObjectKey& key);
    Result<World> read_world() const;
    Result<> read_secrets(World& world) const;
    Result<> put_in_rotation();
    Result<> take_out_of_rotation();
    void on_data_plane_change();
    void on_orders_change();
    bool note_refusal();
    std::optional<InForce> in_force_of(const RouteReport& report) const;
    std::optional<InForce> in_force_of(const ServiceReport& report) const;
    Result<> write_class();
    Result<> write_statuses();
    Result<> write_route_status(const ObjectKey& key);
    Result<> write_service_status(const ObjectKey& key);
    Result<> forget_route(const Object& route);
    Result<> forget_service(const Object& service);
    Result<> write_status(Object object, json::Value status);

    EventLoop& loop_;
    ObjectStore& store_;
    GatewaySettings settings_;
    std::unique_ptr<CopyOrders> orders_;
    std::unique_ptr<DataPlane> data_plane_;
    std::unique_ptr<TableReconciler> table_reconciler_;
    std::unique_ptr<RouteReconciler> route_reconciler_;
    RoutingTable table_;
    bool has_table_ = false;
    bool has_certificates_ = false;
    std::map<ObjectKey, World::Refusal> refused_;
    EventLoop::Watch retry_;
    EventLoop::Watch orders_retry_;
};

}  // namespace serin::gateway
