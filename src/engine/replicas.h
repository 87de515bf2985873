#pragma once

#include "model/plan.h"

#include <optional>

// The arithmetic of replica counts, in integers only: every compiler gives the same answer.

namespace serin::engine {

// How far a release may go above and below the wanted count.
struct Slack {
    int surge = 0;
    int unavailable = 0;
};

// Surge rounds up, unavailable down; both zero would never move, so one may then be unavailable.
Slack slack_of(const Plan& plan, int replicas);

// Replicas that carry `weight` of `weight_max`: rounded up.
int replicas_for(int weight, int weight_max, int replicas);
// The weight that so many of `replicas` carry: rounded down; all of it when `replicas` is zero.
int weight_of(int available, int weight_max, int replicas);

// So many of `replicas` suffice to go on: all, unless the plan asks for fewer. At least one, unless
// none are wanted.
int enough_of(const Plan& plan, int replicas);

struct Pair {
    int candidate = 0;
    int stable = 0;
    friend bool operator==(const Pair&, const Pair&) = default;
};

// Without a router the share is the share of replicas: the pair with a total of `replicas` (or one
// more, when surge allows) that comes nearest to the weight without starving either side.
// docs/compatibility.md tells where a weight cannot be met.
Pair approximate(int replicas, int weight, int weight_max, int surge);

struct GroupSize {
    int desired = 0;
    int available = 0;
    int ready = 0;  // Also those that are too young to be available.
};

struct BasicMove {
    int replicas = 0;
    Slack slack;
    Pair target;
    std::optional<GroupSize> candidate;
    std::optional<GroupSize> stable;  // Empty also when it is the candidate.
    int others_desired = 0;           // Of all older revisions.
    int others_available = 0;
};

// The next sizes on the way to the target, within surge and unavailable.
Pair next_sizes(const BasicMove& move);

}  // namespace serin::engine
