#pragma once

#include "gateway/model.h"

#include <string>
#include <vector>

// Copies of requests that go to a second backend while the first answers. HAProxy's own HTTP client
// sends them from a Lua task that no request waits for, through a socket of its own in the
// process's folder. An answer is thrown away; copies beyond a bound are not made, so that a shadow
// that hangs costs memory for that many and no more. Bodies are copied up to 8 KiB with a length
// known in advance; requests with a longer one or one of unknown length are not copied.

namespace serin::gateway {

bool has_mirrors(const RoutingTable& table);

// The file that HAProxy loads.
std::string mirror_script(const std::string& dir);

// Lines of the listening side, whose requests the script sends.
std::string mirror_frontend(const std::string& dir);

// Lines of a frontend for one rule, to stand after what changes its requests.
std::vector<std::string> mirror_lines(const TableRule& rule);

}  // namespace serin::gateway
