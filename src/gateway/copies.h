#pragma once

#include "gateway/model.h"
#include "ports/request_copies.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Copies of requests that go to Serin itself, as the data plane makes them: a Lua task, which no
// request waits for, writes the request to a socket in the gateway's folder. No more are made than
// the rule's sampling allows, and none while 32 wait in a thread. Bodies are copied up to 8 KiB
// with a length known in advance; requests with a longer one or one of unknown length are not
// copied.

namespace serin::gateway {

bool has_copies(const RoutingTable& table);

// The file that HAProxy loads; `dir` as in Place.
std::string copies_script(const std::string& dir);

// Where it writes to, in the folder above the process's own.
std::string copies_socket(const std::string& state_dir);

// The table that counts copies, as a backend.
std::string copies_table();

// Lines of a frontend for one rule, to stand after what changes its requests.
std::vector<std::string> copies_lines(const TableRule& rule);

// What the script has written, with the rule it came by. Empty: not all of it arrived.
struct WrittenCopy {
    std::string rule;
    RequestCopy request;  // Without route and pods.
};
std::optional<WrittenCopy> read_copy(std::string_view text);

}  // namespace serin::gateway
