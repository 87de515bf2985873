#pragma once

#include <optional>

namespace serin {

// The split between the services of one release: the candidate's share, in parts of `total`.
struct Split {
    int candidate = 0;
    int total = 100;
    friend bool operator==(const Split&, const Split&) = default;
};

struct SplitSeen {
    Split written;  // What the router object asks for.
    // What the data plane was last seen to do; empty when it has never confirmed anything. While
    // it differs from `written`, either may hold for a given request.
    std::optional<Split> in_force;
    bool is_settled = false;  // in_force is `written`, confirmed for the object's latest version.
    friend bool operator==(const SplitSeen&, const SplitSeen&) = default;
};

}  // namespace serin
