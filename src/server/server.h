#pragma once

#include "net/http_server.h"
#include "ports/admission.h"
#include "ports/evidence_log.h"
#include "ports/log_source.h"
#include "ports/object_store.h"
#include "server/exposition.h"
#include "server/router.h"
#include "server/writer.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace serin::net {
class AsioLoop;
}

namespace serin::server {

struct ServerOptions {
    std::string address = "127.0.0.1";    // Elsewhere only with a token or client certificates.
    std::uint16_t port = 0;               // 0: any free one.
    std::vector<std::string> host_names;  // Names by which clients may call it, beside localhost.
    std::string token_file;  // The first line is the bearer token everyone has to show.
    bool is_tls = false;
    net::TlsOptions tls;
};

// The REST API in the Kubernetes shape over an object store, with what Serin adds: evidence,
// metrics, health, and the routes of other parts. Runs on the loop; everything it is given outlives
// it.
class ApiServer {
public:
    ApiServer(
        net::AsioLoop& loop,
        ObjectStore& store,
        const Admission& admission,
        const EvidenceLog& evidence,
        LogSource& logs,
        ApplyPatch apply_patch,
        ServerOptions options);
    ~ApiServer();
    ApiServer(const ApiServer&) = delete;
    ApiServer& operator=(const ApiServer&) = delete;

    // Further routes, before or after the start. Guarded ones see only requests that may pass.
    void add_route(Route route);
    // Called at each scrape of /metrics.
    void add_metrics(std::function<void(Exposition&)> source);

    // `unavailable` for a port in use, `invalid` for options that cannot be: listening beyond
    // loopback unprotected, certificates or a token file that cannot be read.
    Result<> start();
    std::uint16_t port() const;  // REQUIRES: started.
    std::string url() const;     // "http://127.0.0.1:31234". REQUIRES: started.
    // Ends all watches and cuts all connections.
    void stop();

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace serin::server
