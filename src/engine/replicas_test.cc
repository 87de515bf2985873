#include "engine/replicas.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

using namespace serin;
using namespace serin::engine;

TEST_CASE("slack rounds surge up and unavailable down, and is never nothing") {
    const auto slack = [](Amount surge, Amount unavailable, int replicas) {
        Plan plan;
        plan.surge = surge;
        plan.unavailable = unavailable;
        const Slack found = slack_of(plan, replicas);
        return std::pair(found.surge, found.unavailable);
    };
    const Amount quarter{25, true};
    CHECK(slack(quarter, quarter, 5) == std::pair(2, 1));
    CHECK(slack(quarter, quarter, 1) == std::pair(1, 0));
    CHECK(slack(quarter, quarter, 10) == std::pair(3, 2));
    CHECK(slack({0, false}, {0, false}, 10) == std::pair(0, 1));
    CHECK(slack({0, false}, {0, false}, 0) == std::pair(0, 0));
    CHECK(slack({3, true}, {7, false}, 5) == std::pair(1, 5));
}

TEST_CASE("the share of replicas comes as near to the weight as replicas allow") {
    struct Row {
        int replicas, surge, weight, candidate, stable;
    };
    const std::vector<Row> rows{
        {1, 1, 1, 1, 1},   {1, 1, 99, 1, 1},   {1, 0, 49, 0, 1},    {1, 0, 50, 1, 0},
        {2, 1, 1, 1, 2},   {2, 1, 33, 1, 2},   {2, 1, 50, 1, 1},    {2, 1, 66, 2, 1},
        {2, 1, 99, 2, 1},  {3, 0, 25, 1, 2},   {3, 0, 50, 2, 1},    {3, 0, 99, 2, 1},
        {3, 1, 25, 1, 3},  {3, 1, 33, 1, 2},   {3, 1, 50, 2, 2},    {3, 1, 66, 2, 1},
        {3, 1, 75, 3, 1},  {4, 1, 10, 1, 4},   {4, 1, 25, 1, 3},    {4, 1, 33, 2, 3},
        {4, 1, 50, 2, 2},  {4, 1, 66, 3, 2},   {4, 1, 90, 4, 1},    {5, 0, 10, 1, 4},
        {5, 0, 33, 2, 3},  {5, 0, 50, 3, 2},   {5, 1, 10, 1, 5},    {5, 1, 20, 1, 4},
        {5, 1, 33, 2, 4},  {5, 1, 50, 3, 3},   {5, 1, 66, 4, 2},    {5, 1, 90, 5, 1},
        {10, 0, 1, 1, 9},  {10, 0, 15, 2, 8},  {10, 0, 25, 3, 7},   {10, 0, 99, 9, 1},
        {10, 1, 1, 1, 10}, {10, 1, 18, 2, 9},  {10, 1, 25, 3, 8},   {10, 1, 66, 7, 4},
        {10, 1, 75, 8, 3}, {10, 1, 99, 10, 1}, {2, 0, 75, 0, 2},    {5, 0, 90, 0, 5},
        {0, 1, 50, 0, 0},  {10, 1, 0, 0, 10},  {10, 1, 100, 10, 0},
    };
    for (const Row& row : rows) {
        CAPTURE(row.replicas);
        CAPTURE(row.surge);
        CAPTURE(row.weight);
        CHECK(
            approximate(row.replicas, row.weight, 100, row.surge) ==
            Pair{row.candidate, row.stable});
    }
}

namespace {

// "3/10 3/7": the sizes after each move, when every replica becomes available in between. At first
// `missing` of the candidate's are not.
std::string trace(Pair sizes, int replicas, int weight, Slack slack, int missing = 0) {
    std::string text;
    for (int i = 0; i < 30; ++i) {
        const Pair next = next_sizes({
            .replicas = replicas,
            .slack = slack,
            .target = approximate(replicas, weight, 100, slack.surge),
            .candidate = GroupSize{sizes.candidate, sizes.candidate - std::exchange(missing, 0)},
            .stable = GroupSize{sizes.stable, sizes.stable},
        });
        if (next == sizes) break;
        sizes = next;
        if (!text.empty()) text += " ";
        text += std::to_string(next.candidate) + "/" + std::to_string(next.stable);
    }
    return text;
}

}  // namespace

TEST_CASE("moves stay within surge and unavailable, as published traces show") {
    CHECK(trace({0, 4}, 4, 25, {1, 0}) == "1/4 1/3");
    CHECK(trace({0, 10}, 10, 30, {3, 0}) == "3/10 3/7");
    CHECK(trace({0, 10}, 10, 30, {0, 5}) == "0/7 3/7");
    CHECK(trace({0, 10}, 10, 50, {2, 0}) == "2/10 2/8 4/8 4/6 5/6 5/5");
    CHECK(trace({0, 10}, 10, 50, {0, 2}) == "0/8 2/8 2/6 4/6 4/5 5/5");
    CHECK(trace({0, 1}, 1, 5, {1, 0}) == "1/1");
    CHECK(trace({1, 3}, 4, 100, {1, 1}, 1) == "2/3 2/1 4/1 4/0");
    CHECK(trace({5, 5}, 10, 0, {2, 0}) == "5/7 3/7 3/9 1/9 1/10 0/10");
}

TEST_CASE("stable replicas that are missing for a moment go after a newcomer's that never came") {
    // Scaled down from five to two: one of three stable replicas is available, none of the others.
    const BasicMove move{
        .replicas = 2,
        .slack = {.surge = 1, .unavailable = 0},
        .target = approximate(2, 70, 100, 1),
        .candidate = GroupSize{.desired = 5, .available = 0},
        .stable = GroupSize{.desired = 3, .available = 1}};
    CHECK(next_sizes(move) == Pair{.candidate = 1, .stable = 2});
    // What serves is not given up for them.
    BasicMove serving = move;
    serving.candidate = GroupSize{.desired = 4, .available = 2};
    serving.stable = GroupSize{.desired = 3, .available = 0};
    CHECK(next_sizes(serving).candidate == 2);
}

TEST_CASE("a version that mends a release gets replicas while older ones are all that serve") {
    // Four are wanted, three have to serve, and an older revision's three do.
    const BasicMove pushed{
        .replicas = 4,
        .slack = {.surge = 1, .unavailable = 1},
        .target = approximate(4, 100, 100, 1),
        .candidate = GroupSize{.desired = 0, .available = 0},
        .stable = GroupSize{.desired = 2, .available = 0},
        .others_desired = 3,
        .others_available = 3};
    const auto next = [&](Pair sizes, int candidate_available, int stable_available, int weight) {
        BasicMove move = pushed;
        move.target = approximate(4, weight, 100, 1);
        move.candidate = GroupSize{sizes.candidate, candidate_available};
        move.stable = GroupSize{sizes.stable, stable_available};
        return next_sizes(move);
    };
    // The stable revision never got ready: it gives way, and does not come back before the new one.
    CHECK(next({0, 2}, 0, 0, 100) == Pair{0, 0});
    CHECK(next({0, 0}, 0, 0, 100) == Pair{2, 0});
    CHECK(next({2, 0}, 0, 0, 100) == Pair{2, 0});
    CHECK(next({0, 2}, 0, 0, 50) == Pair{0, 0});
    CHECK(next({0, 0}, 0, 0, 50) == Pair{2, 0});
    CHECK(next({2, 0}, 2, 0, 50) == Pair{2, 0});
    // No more of it than the new one can use, and none before that is wanted.
    CHECK(next({0, 2}, 0, 0, 25) == Pair{0, 1});
    CHECK(next({0, 1}, 0, 0, 25) == Pair{1, 1});
    CHECK(next({1, 1}, 0, 0, 25) == Pair{1, 1});
    CHECK(next({0, 2}, 0, 0, 0) == Pair{0, 2});
    // What it has that serves keeps its share, and what is missing of that comes back.
    CHECK(next({0, 2}, 0, 1, 50) == Pair{0, 2});
    CHECK(next({0, 2}, 0, 2, 100) == Pair{0, 2});
    // Taken back, one that never got ready gives way in its turn.
    CHECK(next({2, 0}, 0, 0, 0) == Pair{0, 0});
    CHECK(next({2, 0}, 1, 0, 0) == Pair{1, 0});

    // What is ready, and only too young to count, is not missing.
    BasicMove young = pushed;
    young.stable = GroupSize{.desired = 2, .available = 0, .ready = 2};
    CHECK(next_sizes(young) == Pair{.candidate = 0, .stable = 2});
    young.stable->ready = 1;
    CHECK(next_sizes(young) == Pair{.candidate = 0, .stable = 1});

    // Where nobody serves, not the last that may come back goes.
    BasicMove dark = pushed;
    dark.others_available = 0;
    CHECK(next_sizes(dark) == Pair{.candidate = 0, .stable = 1});
}

TEST_CASE("no move leaves fewer available, or more in all, than allowed") {
    const bool holds = rc::check([] {
        const int replicas = *rc::gen::inRange(1, 30);
        const int surge = *rc::gen::inRange(0, 6);
        const int unavailable =
            surge == 0 ? *rc::gen::inRange(1, replicas + 1) : *rc::gen::inRange(0, replicas + 1);
        const Slack slack{surge, unavailable};
        const int weight = *rc::gen::inRange(0, 101);
        const Pair sizes{*rc::gen::inRange(0, replicas + 1), *rc::gen::inRange(0, replicas + 1)};
        const GroupSize candidate{sizes.candidate, *rc::gen::inRange(0, sizes.candidate + 1), 0};
        const GroupSize stable{sizes.stable, *rc::gen::inRange(0, sizes.stable + 1), 0};
        const int others = *rc::gen::element(0, *rc::gen::inRange(0, replicas + 1));
        const Pair next = next_sizes(
            {.replicas = replicas,
             .slack = slack,
             .target = approximate(replicas, weight, 100, surge),
             .candidate = candidate,
             .stable = stable,
             .others_desired = others,
             .others_available = *rc::gen::inRange(0, others + 1)});
        RC_ASSERT(next.candidate >= 0);
        RC_ASSERT(next.stable >= 0);
        const int before = others + sizes.candidate + sizes.stable;
        const int after = others + next.candidate + next.stable;
        RC_ASSERT(after <= std::max(before, replicas + surge));
        const int available =
            std::min(candidate.available, next.candidate) + std::min(stable.available, next.stable);
        const int was = candidate.available + stable.available;
        RC_ASSERT(available >= std::min(was, replicas - unavailable));
    });
    CHECK(holds);
}
