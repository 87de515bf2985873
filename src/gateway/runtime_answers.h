#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What HAProxy's runtime API answers, read. Pure; unknown lines and columns are skipped.

namespace serin::gateway {

struct SeenServer {
    std::string address;
    int port = 0;
    int id = 0;
    bool is_draining = false;  // Gets no new requests, by our order.
    bool is_in_maintenance = false;
    friend bool operator==(const SeenServer&, const SeenServer&) = default;
};
using SeenServers = std::map<std::string, SeenServer>;  // By name.

// `show backend`: the names, without HAProxy's own.
std::vector<std::string> parse_backends(std::string_view answer);
// `show servers state`: by backend, then server.
std::map<std::string, SeenServers> parse_servers_state(std::string_view answer);
// `show stat <backend> 4 -1`: requests in flight and queued, by server.
std::map<std::string, std::int64_t> parse_in_flight(std::string_view answer);
// The value of "Name: value" in `show info`.
std::string_view info_value(std::string_view answer, std::string_view name);
// The paths of the map files in `show map`.
std::vector<std::string> parse_map_paths(std::string_view answer);
// "New version created: 7".
std::optional<std::int64_t> parse_version(std::string_view answer);

}  // namespace serin::gateway
