#pragma once

#include "base/result.h"
#include "cli/controller.h"
#include "kubernetes/config.h"

#include <functional>
#include <memory>

namespace serin::net {
class AsioLoop;
}

namespace serin::cli {

// Serin as a controller of a cluster, put together. Everything runs on the loop that is given.
class ClusterController {
public:
    explicit ClusterController(net::AsioLoop& loop);
    ~ClusterController();  // Gives leadership back.
    ClusterController(const ClusterController&) = delete;
    ClusterController& operator=(const ClusterController&) = delete;

    // Begins to follow the cluster and to ask for leadership; turns begin once it has both. The API
    // need not answer yet. `on_lost` is called when leadership is lost: then the process has to
    // end. REQUIRES: the caller has the state folder's lock.
    Result<> start(
        const ControllerOptions& options,
        const kubernetes::ClusterConfig& config,
        std::function<void(const Error&)> on_lost);
    // Of /healthz, /readyz and /metrics. REQUIRES: started.
    int port() const;

private:
    struct Parts;
    void run_if_ready();
    void read_when_settled();
    Result<> serve(const ControllerOptions& options);
    std::string metrics() const;

    net::AsioLoop& loop_;
    std::unique_ptr<Parts> parts_;
};

}  // namespace serin::cli
