#pragma once

#include "gateway/model.h"
#include "gateway/render.h"

#include <string>
#include <string_view>
#include <vector>

// Requests that failed at a version under release and are answered by the stable one: off unless a
// route asks for it. A request that may be rescued goes through a backend of its own with two
// servers, each a listener of the same process: "first" leads to the version's pods, and only
// after a failure there the request goes to "second", which leads to stable's. Both write a record;
// the one of the outer listener says nothing more, and is only counted.
//
// A route's rescues are a share of its requests. Beyond that, and while a process is being
// replaced, a request goes the plain way and its failure is the user's.

namespace serin::gateway {

// One way past a failing backend of a rule.
struct Rescue {
    std::string backend;  // Name of the proxy that tries twice; see is_rescue_backend().
    std::string first;    // Backend of the version under release.
    std::string second;   // Backend of the stable Service.
    const TableRule* rule = nullptr;
};

// In an order that depends on the structure of the table alone. They refer into `table`.
std::vector<Rescue> rescues_of(const RoutingTable& table);

// Names of proxies that are no Service's: no object's name has a ':'.
bool is_rescue_backend(std::string_view proxy);

// The lines that count a rule's requests and choose its backend.
std::vector<std::string> choosing_lines(const TableRule& rule, const std::string& choice);
// Sends what may be rescued to its backend. REQUIRES: choosing_lines() of the rule come before.
std::string rescue_line(const Rescue& rescue);

// The table of what was counted, and the proxies of rescue `number`.
std::string rescue_table();
std::vector<std::string> rescue_proxies(const Rescue& rescue, int number, const Place& place);

}  // namespace serin::gateway
