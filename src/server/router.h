#pragma once

#include "net/http_server.h"

#include <string>
#include <string_view>
#include <vector>

namespace serin::server {

// Whether a route is open to those who cannot prove who they are.
enum class Access { guarded, open };

struct Route {
    std::string method;  // "*" for any.
    std::string path;    // Ending in "/*": everything below.
    Access access = Access::guarded;
    net::HttpHandler handler;
};

// Which handler a request goes to. An exact path wins over a pattern, a longer pattern over a
// shorter one; HEAD goes where GET goes.
class Router {
public:
    void add(Route route);

    struct Match {
        const Route* route = nullptr;    // Null when nothing fits.
        bool has_other_methods = false;  // The path is known, the method is not.
    };
    Match find(std::string_view method, std::string_view path) const;

private:
    std::vector<Route> routes_;  // The most particular first.
};

}  // namespace serin::server
