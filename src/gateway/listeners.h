#pragma once

#include "gateway/model.h"
#include "gateway/unique_fd.h"

#include <map>
#include <string>

namespace serin::gateway {

// The listening sockets. Serin binds them and every HAProxy process inherits them, so a port stays
// bound, and connections wait in its queue, while processes are replaced or crash.
class Listeners {
public:
    // Binds what is missing and closes what no frontend wants. Returns what could not be bound,
    // with the reason, by the frontend's name; it is tried again with the next call.
    std::map<std::string, std::string> follow(const std::map<std::string, Frontend>& wanted);

    // Takes over a socket of a running process; false when it does not listen at that address.
    bool adopt(const std::string& name, UniqueFd fd);

    const std::map<std::string, UniqueFd>& sockets() const { return sockets_; }
    void close_all() { sockets_.clear(); }

private:
    std::map<std::string, UniqueFd> sockets_;  // By the frontend's name.
};

}  // namespace serin::gateway
