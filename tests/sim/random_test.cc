#include "base/log.h"
#include "sim/run.h"

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <string>

using namespace serin;
using namespace serin::sim;

namespace {

// Each of these once broke an invariant. What they found is told by a unit test beside the code.
constexpr std::array<std::uint64_t, 45> formerly_failing{
    // Counts of a ReplicaSet that was scaled down and up again within the lag of its status.
    120,
    239,
    270,
    349,
    368,
    391,
    416,
    435,
    619,
    671,
    681,
    745,
    764,
    885,
    982,
    1080,
    1134,
    1175,
    // Held by a person after an abort; held by a judge beside a pause.
    562,
    7013,
    7569,
    // Going back within the window waited for a judge that nobody starts.
    636,
    1038,
    // The candidate's service stayed, without weight, on an old revision that comes and goes.
    919,
    // Without a router, replicas that were down for a moment went before others served.
    966,
    // A ReplicaSet whose events were lost was never met again.
    1249,
    // Provisioned replicas and weights that came late.
    2551,
    2841,
    3864,
    5377,
    7660,
    // A weight written and replaced unconfirmed; a service that moved with its weight.
    1358,
    3061,
    5958,
    // Nothing wanted, and still somebody serving, or waited for.
    10307,
    10461,
    10973,
    12104,
    12650,
    // A first revision that was noted and never made, and another one wanted by then.
    11177,
    // Weight came back to a stable side that had just been made smaller.
    20324,
    // Replicas that had gone with their Rollout were missed when it came back.
    13464,
    // Aborted while a person held it: the stable side, made smaller, had to grow all the same.
    40892,
    41295,
    42318};

// Of the stories that seeds kept; reach_test.cc plays the others. Unoptimised builds, and those
// with sanitizers, play fewer: they are ten times slower.
#ifdef NDEBUG
constexpr std::int64_t random_runs = 1300;
#else
constexpr std::int64_t random_runs = 50;
#endif

void check_runs(const SimOptions& options) {
    std::string told;
    const bool is_good = run_sim(options, [&](const std::string& line) { told += line + "\n"; });
    CHECK_MESSAGE(is_good, told);
    if (options.runs > 1) MESSAGE(told);
}

}  // namespace

TEST_CASE("releases that once broke an invariant keep all") {
    log::configure(log::Level::error, log::Form::text);
    for (const std::uint64_t seed : formerly_failing) check_runs({.seed = seed});
}

TEST_CASE("random releases keep all invariants") {
    log::configure(log::Level::error, log::Form::text);
    check_runs({.seed = 1, .runs = random_runs});
}
