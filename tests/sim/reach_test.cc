#include "base/log.h"
#include "sim/soak.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

// What random releases never reach, they do not test.

using namespace serin;
using namespace serin::sim;

namespace {

// The engine's rules for canaries, and the troubles of the simulated world.
constexpr std::string_view everything = R"(
rule aborted
rule candidate_changed
rule candidate_service
rule held
rule paused
rule promoted
rule resumed
rule retried
rule revision_created
rule revision_forgotten
rule revision_renumbered
rule run_forgotten
rule run_started
rule run_stopped
rule stable_service
rule step_completed
rule steps_changed
rule steps_skipped
fault answers_lost
fault autoscale
fault bad_image
fault crash
fault crash_lost
fault events_doubled
fault events_late
fault events_lost
fault evict
fault metric_error
fault metric_late
fault metric_nan
fault metric_noisy
fault metric_silent
fault plane_down
fault plane_restarts
fault pods_oom
fault pods_stuck
fault recreate
fault route_refuses
fault route_slow
fault scaled to zero
fault watches_end
fault writes_conflict
fault writes_fail
end Degraded
end Healthy
end Paused
)";

#ifdef NDEBUG
constexpr std::int64_t runs = 1500;
#else
constexpr std::int64_t runs = 250;
#endif

}  // namespace

TEST_CASE("random releases keep all invariants, and reach every rule and every trouble") {
    log::configure(log::Level::error, log::Form::text);
    std::string told;
    // Beyond the seeds that keep the stories they had before some troubles were thought of.
    const SoakResult result = soak(
        {.seed = 10'001, .runs = runs, .jobs = 2, .batch = runs, .failures_max = 1},
        [&](const std::string& line) { told += line + "\n"; });
    CHECK_MESSAGE(result.is_sound(), told);
    std::string_view left = everything.substr(1);
    while (!left.empty()) {
        const auto end = left.find('\n');
        const std::string_view what = left.substr(0, end);
        left.remove_prefix(end + 1);
        CHECK_MESSAGE(result.reached.contains(what), what);
    }
}
