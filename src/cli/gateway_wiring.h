#pragma once

#include "base/result.h"
#include "cli/gateway_role.h"
#include "kubernetes/config.h"
#include "net/http_server.h"

#include <functional>
#include <memory>
#include <string>

namespace serin::net {
class AsioLoop;
}

namespace serin::cli {

// Serin's gateway in a cluster, put together. Everything runs on the loop that is given, but for
// the reader of HAProxy's records.
//
// Any number of processes serve, each once the one that has the Lease has admitted it: until then
// it answers that it is not ready, so that no Service sends it requests. What is in force is what
// all of them do (gateway/peer_reports.h). Who cannot reach the API goes on serving as it did, and
// nothing new is in force then.
class ClusterGateway {
public:
    explicit ClusterGateway(net::AsioLoop& loop);
    ~ClusterGateway();
    ClusterGateway(const ClusterGateway&) = delete;
    ClusterGateway& operator=(const ClusterGateway&) = delete;

    // Begins to follow the cluster, to serve, and to ask for the Lease. The API need not answer
    // yet. `on_failed` is called when it cannot serve: then it has to end. REQUIRES: the caller has
    // the state folder's lock.
    Result<> start(
        const GatewayOptions& options,
        const kubernetes::ClusterConfig& config,
        std::function<void(const Error&)> on_failed);
    // Of probes, metrics and outcomes. REQUIRES: started.
    int port() const;

    // Is not ready any more, and serves on.
    void leave_endpoints();
    // Refuses new connections, ends HAProxy after the requests in flight, sends readers what is
    // left, takes its report and the Lease back. Blocks.
    void end();

private:
    struct Parts;
    void begin_lease();
    void run_if_ready();
    void look();
    Result<> serve(const GatewayOptions& options);
    void answer(
        const net::HttpServerRequest& request,
        const std::shared_ptr<net::HttpResponder>& responder);
    void answer_reader(
        const net::HttpServerRequest& request,
        const std::shared_ptr<net::HttpResponder>& responder);
    std::string unreadiness() const;
    std::string metrics() const;

    net::AsioLoop& loop_;
    std::unique_ptr<Parts> parts_;
};

}  // namespace serin::cli
