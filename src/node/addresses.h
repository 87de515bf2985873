#pragma once

#include "base/result.h"
#include "node/environment.h"

#include <map>
#include <set>
#include <string>

namespace serin::node {

// Nothing else on this machine listens on the port, at any address. A process may ignore HOST and
// listen everywhere, so free at the pod's own address is not enough.
bool is_port_free(int port);

// Who has which address and port, so that no two pods ever share one. Where the search begins
// derives from the pod's uid: what a pod just gave up is not handed out at once.
class Addresses {
public:
    struct Range {
        int port_first = 0;
        int port_last = 0;
    };
    explicit Addresses(Range range) : range_(range) {}

    // What a pod is known to have already. False, and nothing is kept, if another pod has part of
    // it.
    bool reserve(const std::string& uid, const std::string& ip, const PortMap& ports);
    // `unavailable` when there is none left.
    Result<std::string> take_ip(const std::string& uid);
    // A port that is free on the machine, too.
    Result<int> take_port(const std::string& uid, int declared);
    void give_back_port(int port) { ports_.erase(port); }
    void release(const std::string& uid);

private:
    Range range_;
    std::map<std::string, std::string> ips_;  // To the pod's uid.
    std::map<int, std::string> ports_;
};

}  // namespace serin::node
