#include "base/log.h"
#include "sim/check.h"
#include "sim/scenario.h"
#include "sim/soak.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <vector>

// What random releases never reach, they do not test.

using namespace serin;
using namespace serin::sim;

namespace {

// What the engine gives as reasons. A rule that cannot be reached by random releases is told by a
// unit test and does not stand here.
const std::vector<std::string> rules{
    "aborted",
    "arms",
    "candidate_changed",
    "candidate_service",
    "cleared",
    "deadline",
    "flipped",
    "flipped_back",
    "handed_over",
    "held",
    "hook_done",
    "hook_failed",
    "inconclusive",
    "kept",
    "paused",
    "preview",
    "promoted",
    "resumed",
    "retired",
    "retiring",
    "retried",
    "revision_created",
    "revision_renumbered",
    "run_forgotten",
    "run_started",
    "run_stopped",
    "scaled",
    "services_swapped",
    "side_routes",
    "size_noted",
    "stable_service",
    "stable_unreached",
    "step_completed",
    "steps_changed",
    "steps_skipped",
    "weight",
};

// Unoptimised builds play fewer: they are ten times slower.
#ifdef NDEBUG
constexpr std::int64_t runs = 1200;
#else
constexpr std::int64_t runs = 250;
#endif

std::vector<std::string> everything() {
    std::vector<std::string> all{
        "end Degraded", "end Healthy", "end Paused", "fault scaled to zero", "router plugin asked"};
    for (const std::string& rule : rules) all.push_back("rule " + rule);
    for (std::size_t i = 0; i < what_count; ++i) all.push_back(name_reached(static_cast<What>(i)));
    for (std::size_t i = 0; i < check_count; ++i) {
        const auto check = static_cast<Check>(i);
        all.push_back(fmt::format("check {}: {}", rule_of(check), situation_of(check)));
    }
    return all;
}

}  // namespace

TEST_CASE("random releases keep all invariants, and reach every rule, trouble and check") {
    log::configure(log::Level::error, log::Form::text);
    std::string told;
    // Beyond the seeds that keep the stories they had before some troubles and budgets came.
    const SoakResult result = soak(
        {.seed = 30'001, .runs = runs, .jobs = 2, .batch = runs, .failures_max = 1},
        [&](const std::string& line) { told += line + "\n"; });
    CHECK_MESSAGE(result.is_sound(), told);
    if (runs < 1000) return;  // Too few to reach what is rare.
    for (const std::string& what : everything()) CHECK_MESSAGE(result.reached.contains(what), what);
}
