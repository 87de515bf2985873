#include "base/log.h"
#include "sim/world.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

// A person holds a release with users on its candidate, and what is wanted changes meanwhile.

using namespace serin;
using namespace serin::sim;
using namespace std::chrono_literals;

namespace {

constexpr auto weight = StepShape::Kind::weight;
constexpr auto gate = StepShape::Kind::gate;

// Image 2 has 40 of 100 requests when it is held, and image 3 takes its place.
Scenario make_story() {
    return {
        .replicas = 10,
        .steps = {{weight, 40}, {gate, 0}},
        .happenings = {
            {.at = 1min, .what = What::set_image, .number = 2},
            {.at = 5min, .what = What::pause},
            {.at = 6min, .what = What::set_image, .number = 3}}};
}

}  // namespace

TEST_CASE("a hold keeps no users with a candidate that a newer version has replaced") {
    log::configure(log::Level::error, log::Form::text);
    for (const bool scales_stable : {false, true}) {
        for (const bool has_plugin : {false, true}) {
            Scenario story = make_story();
            story.scales_stable = scales_stable;
            story.has_router_plugin = has_plugin;
            std::string told;
            const Outcome outcome =
                play(story, {.make_router = {}, .trace = [&](const std::string& line) {
                                 told += line + "\n";
                             }});
            CHECK_MESSAGE(!outcome.violation, told);
            CHECK(told.contains("image 2 wants 4 has 4/4 gets 400"));
            CHECK(outcome.phase == "Paused");
            CHECK(outcome.last_line.contains("image 1 wants 10 has 10/10 gets 1000"));
            CHECK_FALSE(outcome.last_line.contains("image 3 wants 1"));
        }
    }
}
