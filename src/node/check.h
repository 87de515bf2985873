#pragma once

#include "base/json.h"
#include "node/environment.h"
#include "node/process.h"
#include "ports/event_loop.h"
#include "ports/http_client.h"

#include <functional>
#include <memory>
#include <string>

namespace serin::node {

// One question to a container, or one hook: the call that a probe or lifecycle handler describes
// (httpGet, tcpSocket, exec, sleep). Destroying it cancels it; `done` is then not called.
class Check {
public:
    virtual ~Check() = default;
    // A failure's message says what went wrong as a kubelet does: "HTTP probe failed with
    // statuscode: 500".
    using Done = std::function<void(Result<>)>;
};

// Where a container is asked.
struct CheckTarget {
    EventLoop& loop;
    HttpClient& http;
    std::string ip;
    PortMap ports;
    json::Object container;
    std::uint64_t descriptors_max = 0;           // For `exec`; see LaunchSpec.
    std::function<Result<Whereabouts>()> place;  // Where `exec` runs: beside the process.
};

// Calls `done` on the loop, once, never within this call, about `timeout` from now at the latest.
[[nodiscard]] std::unique_ptr<Check> start_check(
    const CheckTarget& target, const json::Object& handler, Duration timeout, Check::Done done);

}  // namespace serin::node
