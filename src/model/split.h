#pragma once

#include <optional>
#include <string>
#include <vector>

namespace serin {

// What another service gets beside stable and candidate.
struct SplitShare {
    std::string service;
    int weight = 0;
    friend bool operator==(const SplitShare&, const SplitShare&) = default;
};

// The split between the services of one release: the candidate's share and others', in parts of
// `total`; the stable service has the rest.
struct Split {
    int candidate = 0;
    int total = 100;
    std::vector<SplitShare> others;  // By service.
    friend bool operator==(const Split&, const Split&) = default;
};

// A route beside the split, which sends requests (or copies of them) to the candidate whatever its
// weight.
struct SideRoute {
    std::string name;
    int step = -1;  // Of the plan, which says what it matches; -1: not what any step says.
    friend bool operator==(const SideRoute&, const SideRoute&) = default;
};

struct SplitSeen {
    Split written;  // What the router object asks for.
    // What the data plane was last seen to do; empty when it has never confirmed anything. While
    // it differs from `written`, either may hold for a given request.
    std::optional<Split> in_force;
    bool is_settled = false;  // in_force is `written`, confirmed for the object's latest version.
    std::vector<SideRoute> side_routes;  // Written; by name. In force when settled.
    friend bool operator==(const SplitSeen&, const SplitSeen&) = default;
};

}  // namespace serin
