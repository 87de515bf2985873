#pragma once

#include "base/result.h"
#include "cli/up.h"

#include <memory>
#include <string>

namespace serin::net {
class AsioLoop;
}

namespace serin::cli {

// Serin on this machine, put together: the only place that names concrete adapters. Everything
// runs on the loop that is given.
class LocalMachine {
public:
    explicit LocalMachine(net::AsioLoop& loop);
    ~LocalMachine();  // Pods and data plane go on.
    LocalMachine(const LocalMachine&) = delete;
    LocalMachine& operator=(const LocalMachine&) = delete;

    // Opens the state, takes over what runs, serves the API and applies the manifests. The error
    // says what to do. REQUIRES: the caller has the state folder's lock.
    Result<> start(const UpOptions& options);
    // Of the API. REQUIRES: started.
    std::string url() const;

private:
    struct Parts;
    Result<> open_parts(const UpOptions& options);
    Result<> serve(const UpOptions& options);

    net::AsioLoop& loop_;
    std::unique_ptr<Parts> parts_;
};

// Ends all processes of the state folder's pods and its HAProxy; the objects stay, and the next
// `serin up` starts them again. REQUIRES: the caller has the state folder's lock.
Result<> end_processes(
    net::AsioLoop& loop, const std::string& state_dir, const std::string& haproxy);

}  // namespace serin::cli
