#include "base/log.h"
#include "sim/run.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

// Stories that once failed, cut down to the parts that it took. What each found in the product has
// a unit test beside the code; what it found in the simulated world or its referee has this one.

using namespace serin;
using namespace serin::sim;

namespace {

struct Pinned {
    std::uint64_t seed = 0;
    std::vector<std::size_t> kept;
    std::string why;
};

const std::vector<Pinned> pinned{
    {10004494, {2, 3, 4, 5}, "a spent budget was found by the next look at everything only"},
    {10009955, {2, 3, 4, 5, 14, 15}, "the data plane was not told that a route had changed"},
    {10006952, {8, 9}, "a router plugin that fails takes nothing back"},
    {10010958, {0, 1, 6, 7}, "a router plugin that is slow takes its time to take back"},
    {10008443, {4, 5, 6, 7, 8, 9}, "a slow route came into force after one on its way before it"},
    {10009641, {}, "a budget was counted on after the promotion"},
    {10005370, {8, 10, 14, 15}, "pods outlived the Rollout that they had gone with"},
    {10010501, {1, 2, 6, 7, 8}, "missing stable replicas gave way to a bad image's"},
    {10017659, {0, 1, 2, 3, 8}, "users were with a flaky version that nobody judged"},
    {10029693, {0, 1, 5, 6}, "a header route came into force as its candidate was replaced"},
    {10029898, {2, 5, 6, 8, 9, 10, 11}, "the same, with writes that were said to have failed"},
    {60648, {0, 1, 2, 4, 5, 6, 7, 8}, "old pods went before the stable service was followed"},
    {56146, {0, 5, 6, 7}, "the wait before a flip began without replicas and never ended"},
    {4120563, {0, 1, 2, 4}, "nothing to go back to is no reason not to rest"},
    {30003182, {0, 1, 2, 12, 13, 14, 15}, "a budget whose begin was not written was never told"},
    {50020194, {1, 6, 7, 8, 9, 10}, "replicas went while a weight on its way could reach them"},
    {20019743, {3, 7, 8, 10, 11, 13, 16}, "the same, back at a version while routing was down"},
    {50017612, {0, 2, 8, 9}, "an arm of an experiment that had ended got its weight back"},
    {50026719, {0, 8, 9, 10}, "the same"},
    {20002476, {0, 4, 5, 6}, "the arms of an experiment were missed where nobody else served"},
    {20012860, {0, 3, 5, 8}, "the same, where the first replicas were late"},
    {20037684, {0, 7, 9, 17}, "the same, as the number of replicas changed"},
    {20035785, {0, 2, 3, 6}, "made smaller while held, the last copy gave way to a bad image"},
    {60007747, {0, 5, 6, 15}, "the same, with fewer left than are needed"},
    {50047502, {0, 1, 4, 7}, "flaky replicas of an old version put off a deadline for ever"},
    {50006847, {4, 5, 7, 12, 13, 14}, "a copy that nobody reached and that was not ready is none"},
    {50021143, {0, 3, 8, 9}, "a first version that never got ready, and a rejected second, rest"},
    {20004781, {1, 8, 11, 12}, "the same, with a preview that is smaller"},
    {60010169, {3, 6, 8, 9, 11}, "the same, aborted by a person before it was begun"},
    {80048243, {0, 4, 10, 11, 14, 15}, "the same, made smaller while a person held it"},
    {80048243, {0, 4, 10, 11, 12, 15}, "the same, with users before a person took it back"},
    {20017887, {0, 2, 4, 6, 7, 8, 9}, "another version was taken for the end of a person's push"},
    {50028447, {3, 4, 5, 6, 7, 8, 9, 10, 11, 13}, "the same, after a promotion without steps"},
    {50051671,
     {0, 2, 6, 12, 13},
     "a router plugin led a header route to the version just replaced"},
    {50044227,
     {1, 6, 7, 8},
     "a router plugin was at work on a weight when the release was aborted"},
    {20009537, {4, 5, 6, 7, 8, 10, 11, 12, 13, 14}, "the same, when another version was pushed"},
    {20008292, {0, 1, 2, 4, 5, 6, 7, 8, 9, 11}, "the same, when an experiment ended"},
    {50019847, {3, 4, 6, 7, 8, 10, 11, 13, 14, 15}, "a run told late what it found when it began"},
    {80005369,
     {0, 3, 4, 9, 11, 12, 13},
     "missing replicas of a stable version kept the room from the one that mends it"},
    {80018794, {}, "the same, of a candidate that a person took back"},
    {80024275, {0, 1, 4, 6, 7, 9}, "a replica about to serve gave way to those that never did"},
    {80001113, {0, 1, 8, 11, 12, 14, 15}, "the last word of a run was not kept over a crash"},
    {100004277,
     {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17},
     "a run's last word was taken for that of a later release of the same version"},
    {100009344,
     {0, 1, 2, 4, 6, 7, 8, 9, 10, 12, 13},
     "a copy that nobody reached and that was too young to count is none"},
    {100023058,
     {2, 4, 6, 8, 9, 10},
     "a weight rose while sizes rested, because fewer were wanted for a while"},
    {200003610, {12, 13, 14, 15}, "held before its first version was begun"},
    {200097897, {0, 2, 3, 6}, "held while the old were ending, the new began beside them"},
    {600018673,
     {0, 2, 4, 7, 8, 10, 13, 14},
     "taken back while held, for a stable version that cannot come: users stay where they are"},
    {200098795,
     {3, 10, 14, 15},
     "a router plugin was told of a header route before the abort, and did it after"},
    {200036814, {}, "made anew, and the controllers crash before its first ReplicaSet"},
};

}  // namespace

TEST_CASE("the smallest stories that once broke an invariant keep all") {
    log::configure(log::Level::error, log::Form::text);
    for (const Pinned& story : pinned) {
        CAPTURE(story.why);
        std::string told;
        const SimOptions options{.seed = story.seed, .kept = story.kept};
        const bool is_good =
            run_sim(options, [&](const std::string& line) { told += line + "\n"; });
        CHECK_MESSAGE(is_good, told);
    }
}
