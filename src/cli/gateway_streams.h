#pragma once

#include "base/time.h"
#include "kubernetes/store.h"
#include "ports/event_loop.h"
#include "stream/outcome_reader.h"

#include <functional>
#include <string>

namespace serin::server {
class Exposition;
}

namespace serin::cli {

// The requests of a cluster's users, as the leading controller sees them: follows the pods of serin
// gateways and reads the outcomes that they stream into one sink.
//
// REQUIRES: used on the loop.
class GatewayStreams {
public:
    // How long a stream may be broken before measurements that need it end: a gateway that is
    // replaced, and a reader that has just begun, need a moment.
    static constexpr Duration grace{10'000};

    // Api (and its loop), client and sink outlive it. `ns` is where the pods are.
    GatewayStreams(
        kubernetes::Api& api,
        HttpClient& http,
        OutcomeSink& sink,
        const std::string& ns,
        std::string token_file);

    // Begins to follow the pods: from now on trouble() knows of them.
    void start();
    // Begins to read. REQUIRES: whoever needs to see the outcomes listens already.
    void read();

    // Why not every request is seen; empty: each is.
    std::string trouble() const;
    void add_metrics(server::Exposition& out) const;

private:
    void tick();

    EventLoop& loop_;
    kubernetes::KubernetesStore pods_;
    stream::OutcomeReader reader_;
    Instant began_{};
    bool is_reading_ = false;
    EventLoop::Watch timer_;
};

}  // namespace serin::cli
