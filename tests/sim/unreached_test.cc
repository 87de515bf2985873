#include "base/log.h"
#include "sim/world.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

// A version that becomes the stable one while nobody is served, and cannot serve.

using namespace serin;
using namespace serin::sim;
using namespace std::chrono_literals;

namespace {

constexpr auto weight = StepShape::Kind::weight;
constexpr auto gate = StepShape::Kind::gate;

Outcome play_well(const Scenario& scenario, std::string_view phase = "Healthy") {
    log::configure(log::Level::error, log::Form::text);
    std::string told;
    const Outcome outcome = play(
        scenario,
        {.make_router = {}, .trace = [&](const std::string& line) { told += line + "\n"; }});
    CHECK_MESSAGE(!outcome.violation, told);
    CHECK_MESSAGE(outcome.phase == phase, told);
    return outcome;
}

// Nothing is wanted while image 2, which never gets ready, is released.
Scenario make_story(Happening way_out) {
    return {
        .replicas = 5,
        .steps = {{weight, 20}, {gate, 0}},
        .happenings = {
            {.what = What::bad_image, .number = 2},
            {.at = 1min, .what = What::scale, .number = 0},
            {.at = 2min, .what = What::set_image, .number = 2},
            {.at = 150s, .what = What::promote_full},
            {.at = 3min, .what = What::scale, .number = 5},
            way_out}};
}

}  // namespace

TEST_CASE("the old manifest ends an outage by an image that was released to no replicas") {
    Scenario story = make_story({.at = 5min, .what = What::reapply_image});
    for (const bool is_scaled_before : {true, false}) {
        if (!is_scaled_before) story.happenings.erase(story.happenings.begin() + 4);
        for (const bool alternates : {false, true}) {
            for (const bool scales_stable : {false, true}) {
                story.alternates = alternates;
                story.scales_stable = scales_stable;
                const Outcome outcome = play_well(story);
                CHECK(outcome.last_line.contains("image 1 wants 5 has 5/5 gets 1000"));
            }
        }
    }
}

TEST_CASE("so does a new image, which waits at no gate while nobody is served") {
    Scenario story = make_story({.at = 5min, .what = What::set_image, .number = 3});
    for (const bool alternates : {false, true}) {
        story.alternates = alternates;
        const Outcome outcome = play_well(story);
        CHECK(outcome.last_line.contains("image 3 wants 5 has 5/5 gets 1000"));
    }
}

TEST_CASE("a first version that never gets ready does not stand in the way of its repair") {
    const Scenario story{
        .replicas = 5,
        .steps = {{weight, 20}, {gate, 0}},
        .happenings = {
            {.what = What::bad_image, .number = 1},
            {.at = 2min, .what = What::set_image, .number = 2}}};
    const Outcome outcome = play_well(story);
    CHECK(outcome.last_line.contains("image 2 wants 5 has 5/5 gets 1000"));
}

TEST_CASE("an image that never gets ready and is stable unseen is told of as degraded") {
    const Scenario story = make_story({.at = 4min, .what = What::promote});
    const Outcome outcome = play_well(story, "Degraded");
    CHECK(outcome.last_line.contains("image 2 wants 5 has 0/0 gets 0"));
}

TEST_CASE("a second image that never gets ready after the first leaves room for a third") {
    Scenario story = make_story({.at = 5min, .what = What::set_image, .number = 3});
    story.happenings.push_back({.what = What::bad_image, .number = 3});
    play_well(story, "Degraded");
    story.happenings.push_back({.at = 20min, .what = What::set_image, .number = 4});
    const Outcome outcome = play_well(story);
    CHECK(outcome.last_line.contains("image 4 wants 5 has 5/5 gets 1000"));
}
