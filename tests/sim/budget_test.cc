#include "base/log.h"
#include "sim/world.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

// Releases whose requests are counted against a budget. The referee watches besides: what was told
// as spent stays spent, and an exhausted budget takes the candidate back.

using namespace serin;
using namespace serin::sim;
using namespace std::chrono_literals;

namespace {

constexpr auto weight = StepShape::Kind::weight;
constexpr auto gate = StepShape::Kind::gate;

// Image 2 fails every fifth request. Half of two requests a second go to it, until somebody stops.
Scenario make_story(GuardShape guard) {
    guard.pace = 500ms;
    return {
        .replicas = 4,
        .guard = guard,
        .steps = {{weight, 50}, {gate, 0}},
        .happenings = {
            {.what = What::wrong_image, .number = 2},
            {.at = 30s, .what = What::set_image, .number = 2}}};
}

struct Played {
    Outcome outcome;
    std::vector<std::string> lines;
};

Played play_well(const Scenario& scenario, std::string_view phase) {
    log::configure(log::Level::error, log::Form::text);
    Played played;
    played.outcome = play(scenario, {.make_router = {}, .trace = [&](const std::string& line) {
                                         played.lines.push_back(line);
                                     }});
    CHECK_MESSAGE(
        !played.outcome.violation,
        (played.outcome.violation ? played.outcome.violation->words : ""));
    CHECK_MESSAGE(played.outcome.phase == phase, played.outcome.last_line);
    return played;
}

bool is_met(const Outcome& outcome, std::string_view check) {
    return outcome.reached.contains("check I2 limit: " + std::string(check));
}

}  // namespace

TEST_CASE("a budget of failed requests takes a candidate back that waits for a person") {
    const Played played = play_well(make_story({.failed = 5}), "Degraded");
    CHECK(played.outcome.message.contains("budget is exhausted"));
    CHECK(played.outcome.last_line.contains("image 1 wants 4 has 4/4 gets 1000"));
    CHECK(is_met(played.outcome, "traffic leaves a candidate without budget"));
}

TEST_CASE("so does one of requests, however well it answers") {
    Scenario story = make_story({.requests = 30});
    story.happenings.erase(story.happenings.begin());
    play_well(story, "Degraded");
}

TEST_CASE("what is left when the release ends harms nobody") {
    Scenario story = make_story({.requests = 10'000, .failed = 1'000});
    story.happenings.push_back({.at = 2min, .what = What::promote});
    play_well(story, "Healthy");
}

TEST_CASE("what is spent stays spent when the controllers crash, again and again") {
    Scenario story = make_story({.requests = 100});
    // Each life counts a few requests; without a memory no life would ever come to a hundred.
    for (int crash = 0; crash < 12; ++crash) {
        story.happenings.push_back(
            {.at = 40s + crash * 20s, .what = What::crash_lost, .number = 3, .lasting = 2s});
    }
    const Played played = play_well(story, "Degraded");
    CHECK(played.outcome.message.contains("budget is exhausted"));
    CHECK(is_met(played.outcome, "what is left of a budget is told"));
}

TEST_CASE("an exhausted budget ends in an abort when the controllers crash at any write near it") {
    for (const What what : {What::crash, What::crash_lost}) {
        for (int write = 1; write <= 12; ++write) {
            Scenario story = make_story({.requests = 40});
            story.happenings.push_back({.at = 69s, .what = what, .number = write, .lasting = 10s});
            CAPTURE(describe(story.happenings.back()));
            play_well(story, "Degraded");
        }
    }
}

TEST_CASE("a memory that cannot be written for a while is told of only once it is") {
    Scenario story = make_story({.requests = 100});
    story.happenings.push_back(
        {.at = 50s, .what = What::writes_fail, .number = 700, .lasting = 20s});
    story.happenings.push_back({.at = 60s, .what = What::crash, .number = 5, .lasting = 5s});
    const Played played = play_well(story, "Degraded");
    CHECK(played.outcome.message.contains("budget is exhausted"));
}
