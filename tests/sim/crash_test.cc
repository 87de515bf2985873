#include "base/log.h"
#include "sim/world.h"

#include <doctest/doctest.h>

#include <string>

using namespace serin;
using namespace serin::sim;
using namespace std::chrono_literals;

// A crash before or after any single write of a whole release ends in the same place.
TEST_CASE("a crash at every write of a release changes nothing in the end") {
    log::configure(log::Level::error, log::Form::text);
    const Scenario story{
        .replicas = 4,
        .steps = {{StepShape::Kind::weight, 25}, {StepShape::Kind::judge, 0}},
        .happenings = {{.at = 10s, .what = What::set_image, .number = 2}}};
    const Outcome whole = play(story);
    REQUIRE_FALSE(whole.violation);
    REQUIRE(whole.phase == "Healthy");
    for (const What what : {What::crash, What::crash_lost}) {
        for (int write = 1; write <= whole.writes; ++write) {
            Scenario crashed = story;
            crashed.happenings.push_back({.what = what, .number = write, .lasting = 3s});
            const Outcome outcome = play(crashed);
            const std::string where = describe(crashed.happenings.back());
            CHECK_MESSAGE(!outcome.violation, where);
            CHECK_MESSAGE(outcome.last_line == whole.last_line, where);
        }
    }
}
