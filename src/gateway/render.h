#pragma once

#include "gateway/model.h"
#include "gateway/split.h"

#include <map>
#include <string>
#include <vector>

// A routing table as HAProxy's files. Pure text; nothing is written here.

namespace serin::gateway {

struct File {
    std::string name;  // Relative: "haproxy.cfg", "maps/default_shop_0.map", "certs/0a1b.pem".
    std::string content;
};

// Where a configuration will live.
struct Place {
    std::string dir;                           // Absolute, without a '/' at the end.
    std::map<std::string, std::string> binds;  // Frontend name -> "fd@7". Others are left out.
    std::string user_key;                      // Of gateway/observe.h; needed where users are.
};

struct Rendering {
    std::vector<File> files;
    // For each line of haproxy.cfg (the first is at 0) the "<namespace>/<route>/<index>" it was
    // written for, or "". Tells whose fault a refused line is.
    std::vector<std::string> owners;
    // Equal for tables that a running HAProxy can follow each other on: they differ at most in
    // servers and splits, which change at run time.
    std::string fingerprint;
};

Rendering render(
    const RoutingTable& table, const std::map<std::string, Ranges>& splits, const Place& place);

// Parameters of a server, the same for those in the file and those added at run time. Never
// "enabled": with it 2.6 miscounts the backend's active servers.
std::string server_parameters(const Endpoint& endpoint, int id);

// Path of a rule's map file in `dir`.
std::string map_path(const std::string& dir, const std::string& rule_id);

// The ring that request records are read from.
inline constexpr std::string_view ring_name = "requests";

}  // namespace serin::gateway
